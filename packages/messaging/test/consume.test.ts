import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';

import { defineConsumer } from '../src/index.ts';
import { countSent, insertEvents, inspectNats, listDeadLetters, newEvent, startProcess } from './harness.ts';

const { db } = await createTestDatabase(t);

t.beforeEach(async () => {
  await db.query('DELETE FROM dead_letters');
});

const FAST = { backoffMs: [20], maxDeliver: 3 };

t.test(
  'an event that was committed reaches its consumer as it was written, and its row is marked sent',
  async (t) => {
    const { publisher, start } = await startProcess(t, db);
    const seen: unknown[] = [];
    start(
      defineConsumer({
        name: 'reader',
        types: ['commission.adjusted'],
        handler: async (event) => void seen.push(event),
      }),
    );
    const event = newEvent('commission.adjusted', 0);
    await insertEvents(db, [event]);
    const before = await countSent(db);
    publisher.publish([event]);
    await waitFor(() => seen.length === 1);
    const { createdAt: _createdAt, ...envelope } = event;
    t.strictSame(seen, [envelope]);
    await publisher.flush();
    t.equal(await countSent(db), before + 1);
  },
);

t.test('the same event sent many times is in the stream once', async (t) => {
  const { nats, messaging, publisher } = await startProcess(t, db);
  const event = newEvent('commission.paid');
  publisher.publish([event, event, event]);
  publisher.publish([event]);
  await publisher.flush();
  const jsm = await inspectNats(t, nats.url);
  const { state } = await jsm.streams.info(messaging.names.stream('COMMISSIONS'));
  t.equal(state.messages, 1);
});

t.test('consumers of one name share the events, those of another each see all', async (t) => {
  const { nats, publisher, start } = await startProcess(t, db);
  const other = await startProcess(t, db, nats);
  const shared: string[] = [];
  const alone: string[] = [];
  const sharing = defineConsumer({
    name: 'shared',
    types: ['commission.created'],
    handler: async ({ id }) => void shared.push(id),
  });
  start(sharing);
  other.start(sharing);
  other.start(
    defineConsumer({
      name: 'alone',
      types: ['commission.created'],
      handler: async ({ id }) => void alone.push(id),
    }),
  );
  const events = Array.from({ length: 200 }, () => newEvent('commission.created'));
  publisher.publish(events);
  await waitFor(() => shared.length >= 200 && alone.length >= 200);
  const ids = new Set(events.map(({ id }) => id));
  t.strictSame(new Set(shared), ids);
  t.strictSame(new Set(alone), ids);
});

t.test('a consumer sees only the types it names', async (t) => {
  const { nats, messaging, publisher, start } = await startProcess(t, db);
  const seen: string[] = [];
  start(
    defineConsumer({
      name: 'picky',
      types: ['partner.tier_changed', 'job.queued'],
      handler: async ({ type }) => void seen.push(type),
    }),
  );
  publisher.publish([
    newEvent('partner.updated'),
    newEvent('job.queued'),
    newEvent('product.created'),
    newEvent('partner.tier_changed'),
  ]);
  const jsm = await inspectNats(t, nats.url);
  await waitFor(async () => {
    const info = await jsm.consumers.info(messaging.names.stream('CATALOG'), 'picky');
    return info.ack_floor.stream_seq === 4;
  });
  t.strictSame(seen.sort(), ['job.queued', 'partner.tier_changed']);
});

t.test('a batch holds many events, and one bad event in it costs the others nothing', async (t) => {
  const { publisher, start } = await startProcess(t, db);
  const done = new Set<string>();
  const sizes: number[] = [];
  const bad = newEvent('commission.confirmed');
  const events = Array.from({ length: 300 }, () => newEvent('commission.confirmed'));
  publisher.publish([...events.slice(0, 150), bad, ...events.slice(150)]);
  await publisher.flush();
  start(
    defineConsumer({
      name: 'batches',
      types: ['commission.confirmed'],
      batchSize: 100,
      gatherMs: 500,
      ...FAST,
      handleBatch: async (batch) => {
        sizes.push(batch.length);
        if (batch.some(({ id }) => id === bad.id)) throw new Error('bad apple');
        for (const { id } of batch) done.add(id);
      },
    }),
  );
  await waitFor(() => done.size === 300);
  const [letter] = await waitFor(async () => {
    const rows = await listDeadLetters(db);
    return rows.length > 0 && rows;
  });
  t.equal(letter?.eventId, bad.id);
  t.equal(Math.max(...sizes), 100);
});

t.test('repeated and shuffled deliveries leave the same effect as one', async (t) => {
  const { messaging, connection, start } = await startProcess(t, db);
  const state = new Map<string, number>();
  let deliveries = 0;
  start(
    defineConsumer({
      name: 'idempotent',
      types: ['commission.adjusted'],
      handleBatch: async (batch) => {
        for (const { data } of batch)
          state.set(data.commissionId, Math.max(data.version, state.get(data.commissionId) ?? 0));
        deliveries += batch.length;
      },
    }),
  );
  const events = Array.from({ length: 30 }, (_, index) => {
    const event = newEvent('commission.adjusted');
    return { ...event, data: { ...event.data, version: index + 1 } };
  });
  const thrice = [...events, ...events, ...events].sort(() => Math.random() - 0.5);
  const js = connection.jetstream();
  for (const event of thrice) await js.publish(messaging.names.subject(event.type), JSON.stringify(event));
  await waitFor(() => deliveries === 90);
  t.strictSame([...state.values()], [30]);
});
