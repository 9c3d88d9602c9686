import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';

import { subscribeBroadcast } from '../src/index.ts';
import { inspectNats, newEvent, startProcess } from './harness.ts';

const { db } = await createTestDatabase(t);

t.test('every process gets every event of the types it asked for, from now on', async (t) => {
  const one = await startProcess(t, db);
  const two = await startProcess(t, db, one.nats);
  one.publisher.publish([newEvent('policy.updated')]);
  await one.publisher.flush();
  const seen: string[][] = [];
  for (const process of [one, two]) {
    const own: string[] = [];
    seen.push(own);
    const broadcast = subscribeBroadcast(process.messaging, {
      name: 'cache',
      types: ['policy.updated', 'apikey.revoked'],
      onEvent: (event) => void own.push(event.id),
      onReset: () => undefined,
    });
    t.teardown(() => broadcast.stop());
    await broadcast.subscribed;
  }
  const events = [newEvent('policy.updated'), newEvent('product.updated'), newEvent('apikey.revoked')];
  one.publisher.publish(events);
  await waitFor(() => seen.every((own) => own.length === 2));
  const wanted = [events[0]?.id, events[2]?.id];
  t.strictSame(seen, [wanted, wanted]);
});

t.test(
  'a subscription that breaks begins again with a reset, and a throwing listener breaks nothing',
  async (t) => {
    const { nats, messaging, publisher } = await startProcess(t, db);
    const seen: string[] = [];
    let resets = 0;
    const broadcast = subscribeBroadcast(messaging, {
      name: 'cache',
      types: ['setting.changed'],
      onEvent: ({ id }) => {
        seen.push(id);
        throw new Error('listener');
      },
      onReset: () => {
        resets += 1;
      },
    });
    t.teardown(() => broadcast.stop());
    await broadcast.subscribed;
    t.equal(resets, 1);
    publisher.publish([newEvent('setting.changed'), newEvent('setting.changed')]);
    await waitFor(() => seen.length === 2);
    const jsm = await inspectNats(t, nats.url);
    const stream = messaging.names.stream('CATALOG');
    for await (const consumer of jsm.consumers.list(stream))
      await jsm.consumers.delete(stream, consumer.name);
    await waitFor(() => resets === 2);
    publisher.publish([newEvent('setting.changed')]);
    await waitFor(() => seen.length === 3);
    await broadcast.stop();
    await waitFor(async () => (await jsm.streams.info(stream)).state.consumer_count === 0);
    t.pass();
  },
);
