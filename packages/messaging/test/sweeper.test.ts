import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';

import { startSweeper } from '../src/index.ts';
import { markSent } from '../src/outbox/sent-marks.ts';
import { repairStreams, sweepOnce } from '../src/outbox/sweeper.ts';
import { countSent, insertEvents, inspectNats, newEvent, startProcess } from './harness.ts';

const { db, owner } = await createTestDatabase(t);
const never = new AbortController().signal;

t.beforeEach(async () => {
  await owner.query('TRUNCATE outbox_events, stream_positions');
});

t.test(
  'events whose writer died before sending are sent by a sweeper, marked, and counted as pending before',
  async (t) => {
    const { nats, messaging } = await startProcess(t, db);
    const events = Array.from({ length: 20 }, () => newEvent('commission.created'));
    await insertEvents(db, events);
    const sweeper = startSweeper({ messaging, db });
    t.teardown(() => sweeper.stop());
    await waitFor(async () => (await countSent(db)) === 20);
    const jsm = await inspectNats(t, nats.url);
    t.equal((await jsm.streams.info(messaging.names.stream('COMMISSIONS'))).state.messages, 20);
  },
);

t.test('a sweep sends the oldest first and leaves young rows to their writer', async (t) => {
  const { nats, messaging } = await startProcess(t, db);
  const events = Array.from({ length: 5 }, (_, index) => newEvent('job.queued', 60_000 - index));
  await insertEvents(db, events.toReversed());
  // Of a minute to come, so that it stays young however long this takes.
  await insertEvents(db, [newEvent('job.queued', -60_000)]);
  t.equal(await sweepOnce({ messaging, db }, never), 5);
  const jsm = await inspectNats(t, nats.url);
  const ids: string[] = [];
  for (let seq = 1; seq <= 5; seq += 1) {
    const message = await jsm.streams.getMessage(messaging.names.stream('CATALOG'), { seq });
    ids.push(message.json<{ id: string }>().id);
  }
  t.strictSame(
    ids,
    events.map(({ id }) => id),
  );
  t.equal(await sweepOnce({ messaging, db }, never), 0);
});

t.test('an event that no server takes holds up nothing and is not marked', async (t) => {
  const { messaging } = await startProcess(t, db);
  const huge = newEvent('job.queued', 30_000);
  huge.data.name = 'x'.repeat(2_000_000);
  await insertEvents(db, [huge, ...Array.from({ length: 600 }, () => newEvent('job.queued'))]);
  t.equal(await sweepOnce({ messaging, db }, never), 600);
  t.equal(await countSent(db), 600);
});

t.test('a stream that was deleted comes back with everything the outbox still has', async (t) => {
  const { nats, messaging } = await startProcess(t, db);
  const deps = { messaging, db };
  await insertEvents(db, [
    ...Array.from({ length: 10 }, () => newEvent('commission.created')),
    ...Array.from({ length: 3 }, () => newEvent('conversion.recorded')),
  ]);
  await sweepOnce(deps, never);
  await owner.query(`UPDATE outbox_events SET sent_at = now() - interval '2 days'`);
  await repairStreams(deps, true, never);
  const jsm = await inspectNats(t, nats.url);
  const stream = messaging.names.stream('COMMISSIONS');
  await jsm.streams.delete(stream);
  await repairStreams(deps, false, never);
  t.equal(await countSent(db), 3, 'events of the other streams stay as they are');
  await sweepOnce(deps, never);
  t.equal((await jsm.streams.info(stream)).state.messages, 10);
  await repairStreams(deps, false, never);
  t.equal(await countSent(db), 13, 'and once is enough');
});

t.test('rows are marked by their key, and only those', async (t) => {
  const events = Array.from({ length: 50 }, () => newEvent('job.queued', 5_000));
  await insertEvents(db, events);
  await markSent(db, events.slice(0, 20));
  const rows = await db.query<{ id: string }>(
    'SELECT id FROM outbox_events WHERE sent_at IS NOT NULL ORDER BY id',
  );
  t.strictSame(
    rows.map(({ id }) => id),
    events.slice(0, 20).map(({ id }) => id),
  );
});
