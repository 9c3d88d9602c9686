import { createMetrics } from '@tributary/runtime';
import {
  createTestDatabase,
  insertClick,
  insertCommission,
  insertConversion,
  insertPartner,
} from '@tributary/testkit';
import t from 'tap';
import { measureWhole, resetWhole, wholeGauges } from '../src/gauges/measure.ts';
import { reconcileRollups } from '../src/rollups/reconcile-rollups.ts';
import { rebuildRollups } from '../src/rollups/rebuild-rollups.ts';
import { queueJob, startRunner, untilEnded } from './harness.ts';

const NOON = new Date('2026-03-10T12:00:00Z');
const clock = () => NOON;

/** A click, a conversion and a commission on each of these days. */
async function somethingOn(t: Parameters<typeof createTestDatabase>[0], days: readonly string[]) {
  const { db, owner } = await createTestDatabase(t);
  const partnerId = (await insertPartner(owner)).id;
  for (const day of days) {
    const at = new Date(`${day}T09:00:00Z`);
    await insertClick(owner, { partnerId, clickedAt: at });
    await insertConversion(owner, { partnerId, convertedAt: at });
    await insertCommission(owner, { partnerId, createdAt: at });
  }
  const rolledUp = async () => {
    const rows = await owner.query<{ day: string }>(
      'SELECT day::date::text AS day FROM rollup_partner_days WHERE conversions > 0 ORDER BY day',
    );
    return rows.map(({ day }) => day);
  };
  return { db, owner, rolledUp };
}

const DAYS = ['2026-03-05', '2026-03-07', '2026-03-10'];

t.test('a rebuild goes through all days there are, or through those that are named', async (t) => {
  const { db, rolledUp } = await somethingOn(t, DAYS);
  startRunner(t, db, { jobs: [rebuildRollups({ db, clock })] });
  const parameters = { from: '2026-03-06', to: '2026-03-08' };
  const named = await untilEnded(db, await queueJob(db, 'rebuild-rollups', { parameters }));
  t.match(named, { status: 'succeeded', total: 2, succeeded: 2, stats: { keys: 4 } });
  t.same(await rolledUp(), ['2026-03-07']);
  const all = await untilEnded(db, await queueJob(db, 'rebuild-rollups'));
  t.match(all, { status: 'succeeded', total: 6, succeeded: 6, stats: { keys: 12 } });
  t.same(await rolledUp(), DAYS);
});

t.test('a rebuild goes on behind the last day that its predecessor reported', async (t) => {
  const { db, rolledUp } = await somethingOn(t, DAYS);
  startRunner(t, db, { jobs: [rebuildRollups({ db, clock })] });
  const id = await queueJob(db, 'rebuild-rollups', {
    total: 6,
    succeeded: 2,
    checkpoint: { day: '2026-03-06T00:00:00.000Z' },
    stats: { keys: 5 },
  });
  t.match(await untilEnded(db, id), { succeeded: 6, stats: { keys: 13 } });
  t.same(await rolledUp(), DAYS.slice(1), 'what lay before it was not done again');
});

t.test('with nothing recorded there is nothing to rebuild; wrong parameters fail', async (t) => {
  const { db } = await createTestDatabase(t);
  startRunner(t, db, { jobs: [rebuildRollups({ db, clock })] });
  t.match(await untilEnded(db, await queueJob(db, 'rebuild-rollups')), { status: 'succeeded', total: 0 });
  const wrong = await queueJob(db, 'rebuild-rollups', { parameters: { from: 'yesterday' } });
  t.match(await untilEnded(db, wrong), { status: 'failed' });
});

t.test('reconciling says what it found on closed days and repaired, and the gauge says it too', async (t) => {
  const { db, owner } = await somethingOn(t, DAYS);
  const jobs = [rebuildRollups({ db, clock }), reconcileRollups({ db, clock, graceMs: 0 })];
  startRunner(t, db, { jobs });
  await untilEnded(db, await queueJob(db, 'rebuild-rollups'));
  const reconcile = async (createdAt: Date) =>
    untilEnded(db, await queueJob(db, 'reconcile-rollups', { createdAt }));
  const gauge = async () => {
    const metrics = createMetrics({ service: 'test' });
    const gauges = wholeGauges(metrics);
    await measureWhole(db, gauges, clock);
    const text = await metrics.expose();
    resetWhole(gauges);
    t.notMatch(await metrics.expose(), /analytics_drift{.*} [^0]/);
    return [...text.matchAll(/analytics_drift{.*rollup="(\w+)".*} (\d+)/g)]
      .filter(([, , drift]) => drift !== '0')
      .map(([, rollup, drift]) => `${rollup} ${drift}`);
  };
  const clean = await reconcile(NOON);
  t.match(clean, { status: 'succeeded', total: 5, succeeded: 5, stats: { found: 0, repaired: 0 } });
  t.same(clean.stats['drift'], {});
  t.same(await gauge(), []);

  await owner.query('UPDATE rollup_partner_hours SET conversions = conversions + 1');
  await owner.query(`UPDATE rollup_click_days SET valid_clicks = 7 WHERE day < '2026-03-06'`);
  const found = await reconcile(new Date(NOON.getTime() + 1));
  t.match(found.stats, { found: 3, repaired: 3, drift: { partner_conversions: 2, click_days: 1 } });
  t.same((await gauge()).toSorted(), ['click_days 1', 'partner_conversions 2']);
  t.match((await reconcile(new Date(NOON.getTime() + 2))).stats, { found: 0 }, 'today is not closed');
  t.same(await gauge(), []);
});
