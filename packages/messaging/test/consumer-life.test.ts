import { STREAMS } from '@tributary/event-catalog';
import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';

import { defineConsumer, type Messaging } from '../src/index.ts';
import { inspectNats, listDeadLetters, newEvent, startProcess, untilLive } from './harness.ts';

const { db } = await createTestDatabase(t);

t.beforeEach(async () => {
  await db.query('DELETE FROM dead_letters');
});

t.test('a consumer deleted under its runner is made again and goes on', async (t) => {
  const { nats, messaging, publisher, start } = await startProcess(t, db);
  const seen = new Set<string>();
  start(
    defineConsumer({
      name: 'deleted',
      types: ['commission.held'],
      handler: async ({ id }) => void seen.add(id),
    }),
  );
  publisher.publish([newEvent('commission.held')]);
  await waitFor(() => seen.size === 1);
  const jsm = await inspectNats(t, nats.url);
  await jsm.consumers.delete(messaging.names.stream('COMMISSIONS'), 'deleted');
  publisher.publish([newEvent('commission.held')]);
  await waitFor(() => seen.size === 2);
  t.pass();
});

t.test('a consumer is counted from its start, before it has done anything', async (t) => {
  const { messaging, start } = await startProcess(t, db);
  const types = ['commission.paid', 'commission.created'] as const;
  start(defineConsumer({ name: 'idle', types, handler: async () => undefined }));
  const { values } = await messaging.metrics.consumed.get();
  t.strictSame(
    values.map(({ labels, value }) => ({ ...labels, value })),
    types.map((type) => ({ type, consumer: 'idle', value: 0 })),
  );
  const { values: deadLetters } = await messaging.metrics.deadLettered.get();
  t.match(deadLetters, [{ labels: { consumer: 'idle' }, value: 0 }]);
});

t.test('streams are files with limits and the retention of the catalogue', async (t) => {
  const { nats, messaging } = await startProcess(t, db);
  const jsm = await inspectNats(t, nats.url);
  for (const { name, retentionDays } of Object.values(STREAMS)) {
    const { config } = await jsm.streams.info(messaging.names.stream(name));
    t.match(config, { storage: 'file', retention: 'limits', max_age: retentionDays * 86_400 * 1e9 });
    t.strictSame(config.subjects, messaging.names.subjects(name));
  }
});

t.test('stopping finishes what this process holds and leaves the rest to others', async (t) => {
  const { nats, publisher, start } = await startProcess(t, db);
  const started: string[] = [];
  const finished: string[] = [];
  const release = Promise.withResolvers<void>();
  const types = ['commission.released'] as const;
  const first = start(
    defineConsumer({
      name: 'stopping',
      types,
      concurrency: 2,
      handler: async ({ id }) => {
        started.push(id);
        await release.promise;
        finished.push(id);
      },
    }),
  );
  publisher.publish(Array.from({ length: 10 }, () => newEvent('commission.released')));
  await waitFor(() => started.length === 2);
  const stopped = first.stop();
  release.resolve();
  await stopped;
  t.strictSame(finished.sort(), started.sort());
  t.ok(finished.length < 10);
  const other = await startProcess(t, db, nats);
  other.start(defineConsumer({ name: 'stopping', types, handler: async ({ id }) => void finished.push(id) }));
  await waitFor(() => new Set(finished).size === 10);
});

t.test('a handler that hangs is given up after its time and its place is free again', async (t) => {
  const { publisher, start } = await startProcess(t, db);
  const seen: string[] = [];
  let aborted = false;
  const hanging = newEvent('commission.cancelled');
  start(
    defineConsumer({
      name: 'hanging',
      types: ['commission.cancelled'],
      concurrency: 1,
      timeoutMs: 50,
      backoffMs: [5],
      maxDeliver: 2,
      handler: async ({ id }, { signal }) => {
        if (id !== hanging.id) return void seen.push(id);
        signal.addEventListener('abort', () => (aborted = true));
        await Promise.withResolvers().promise;
      },
    }),
  );
  publisher.publish([hanging, newEvent('commission.cancelled')]);
  await waitFor(() => seen.length === 1);
  await waitFor(async () => (await listDeadLetters(db)).length === 1);
  t.ok(aborted);
});

t.test('work longer than the ack wait is not delivered a second time', async (t) => {
  const { messaging, publisher, start } = await startProcess(t, db);
  let calls = 0;
  let done = false;
  start(
    defineConsumer({
      name: 'slow',
      types: ['commission.paid'],
      ackWaitMs: 1_500,
      handler: async () => {
        calls += 1;
        // Three ack waits, counted by the server's clock and not by ours.
        await untilServerTime(messaging, 4_500);
        done = true;
      },
    }),
  );
  publisher.publish([newEvent('commission.paid')]);
  await waitFor(() => done, { timeoutMs: 30_000 });
  t.equal(calls, 1);
});

/** Lets time pass on the server: messages are stamped by it. */
async function untilServerTime(messaging: Messaging, ms: number): Promise<void> {
  const connection = await untilLive(messaging);
  const stream = messaging.names.stream('CLICKS');
  const jsm = await connection.jetstreamManager({ checkAPI: false });
  const stampNow = async (): Promise<number> => {
    const ack = await connection.jetstream().publish(messaging.names.subject('click.recorded'), '{}');
    return (await jsm.streams.getMessage(stream, { seq: ack.seq })).time.getTime();
  };
  const from = await stampNow();
  await waitFor(async () => (await stampNow()) - from >= ms, { timeoutMs: 30_000 });
}
