import * as fc from 'fast-check';
import t from 'tap';
import type { StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import { rebuildRollups, reconcileRollups } from '@tributary/rollups';
import { createMetrics, newId } from '@tributary/runtime';
import { createTestDatabase, insertRow, testNats, waitFor } from '@tributary/testkit';
import { startProjector } from '../src/rollups/projector.ts';
import { COUNTED_ROLLUPS, readRollups, RECOMPUTED_ROLLUPS, shuffled } from './events.ts';
import { logger, openDashboards } from './harness.ts';
import { assertFiguresEqualSql, assertTrendsEqualSql, questions } from './questions.ts';
import { liveThroughMonth, MONTH } from './random-traffic.ts';

const ROLLUPS = [...RECOMPUTED_ROLLUPS, ...COUNTED_ROLLUPS];
const STEPS = 700;
const RUNS = 100;
const SEED = Number(process.env['TRAFFIC_SEED'] ?? 20_260_308);
/** Later payments and claw-backs included. */
const WHOLE = { programId: 'default', from: MONTH.from, to: new Date('2026-04-05T00:00:00Z') };

const { db, owner } = await createTestDatabase(t);
const messaging = connectMessaging({
  ...testNats(t),
  name: 'test',
  logger,
  metrics: createMetrics({ service: 'test' }),
});
const publisher = createPublisher({ messaging, db });
t.teardown(async () => {
  await publisher.stop();
  await messaging.close();
});
await insertRow(owner, 'settings', { key: 'reportingTimeZone', value: 'UTC' });
await messaging.whenLive(AbortSignal.timeout(20_000));
const projector = startProjector({ db, messaging, logger, holder: newId(), leaseTtlMs: 3_000 });
t.teardown(() => projector.stop());

/** Until every change committed before now is in the figures. */
async function untilProjected(): Promise<void> {
  await publisher.flush(30_000);
  const now = new Date();
  await waitFor(
    async () => {
      const [row] = await db.query<{ asOf: Date | null }>('SELECT as_of FROM rollup_progress');
      return row?.asOf !== undefined && row.asOf !== null && row.asOf > now;
    },
    { timeoutMs: 60_000, what: 'asOf past the last event' },
  );
}

t.test('events of a month, delivered three times in random order while rollups are rebuilt', async (t) => {
  const told: StoredEvent[] = [];
  const living = new AbortController();
  const rebuilding = (async () => {
    let days = 0;
    const onDay = (): void => void (days += 1);
    while (!living.signal.aborted) await rebuildRollups({ db, signal: living.signal, onDay }, WHOLE);
    return days;
  })();
  const tell = (event: StoredEvent): void => {
    told.push(event);
    publisher.publish([event]);
  };
  const { partners } = await liveThroughMonth(owner, { seed: SEED, steps: STEPS, tell });
  living.abort();
  const days = await rebuilding;
  t.comment(`${days} days rebuilt under load`);
  t.ok(days > 0, 'rebuilt under load');
  // What events leave out, a rebuild brings, and so does whatever happened to the same sale just before.
  await untilProjected();
  await liveThroughMonth(owner, { seed: SEED + 1, steps: STEPS / 2, tell });
  t.ok(told.length > STEPS / 3);
  await untilProjected();
  const once = await readRollups(owner, ROLLUPS);
  publisher.publish(shuffled(told, 2).map((event) => ({ ...event, id: newId() })));
  await untilProjected();
  t.strictSame(await readRollups(owner, ROLLUPS), once, 'the same as after one delivery in order');
  t.same(await reconcileRollups({ db, graceMs: 0 }, WHOLE), {}, 'and what plain SQL says');

  const compared = { get: await openDashboards(t, db), owner };
  const question = questions({ from: MONTH.from, to: WHOLE.to }, partners);
  const ask = fc.asyncProperty(question, async (asked) => {
    await assertFiguresEqualSql(compared, asked);
    await assertTrendsEqualSql(compared, asked);
  });
  await fc.assert(ask, { numRuns: RUNS });

  await owner.query('UPDATE rollup_policy_days SET paid_count = paid_count + 1');
  await owner.query('UPDATE rollup_program_click_hours SET valid_clicks = valid_clicks + 1');
  const drift = await reconcileRollups({ db, graceMs: 0 }, WHOLE);
  t.same(Object.keys(drift).sort(), ['policy_days', 'program_click_hours'], 'drift is found and named');
  t.strictSame(await readRollups(owner, ROLLUPS), once, 'and repaired');
});
