import t from 'tap';
import { createMetrics } from '@tributary/runtime';
import { createTestDatabase, insertCommission, insertPartner } from '@tributary/testkit';
import { rebuildRollups } from '../src/rollups/rebuild.ts';
import { reconcileRollups } from '../src/rollups/reconcile.ts';
import { readRollups } from './events.ts';
import { HISTORY, insertHistory } from './random-history.ts';

const WHOLE = { programId: 'default', from: HISTORY.from, to: new Date('2026-07-01') };
const NONE = { partner_conversions: 0, partner_commissions: 0, policies: 0, products: 0, clicks: 0 };

t.test('what was lost or spoilt is found, reported and repaired', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  await insertHistory(owner, 150);
  await rebuildRollups({ db }, WHOLE);
  const right = await readRollups(owner);
  await owner.query('UPDATE rollup_partner_hours SET revenue = revenue + 0.01 WHERE conversions = 1');
  await owner.query('DELETE FROM rollup_policy_hours WHERE hour >= $1', [new Date('2026-04-01')]);
  await owner.query('UPDATE rollup_product_hours SET conversions = conversions + 1');
  await owner.query('UPDATE rollup_click_hours SET valid_clicks = valid_clicks + 1');
  const metrics = createMetrics({ service: 'test' });
  const found = await reconcileRollups({ db, metrics, graceMs: 0 }, WHOLE);
  for (const rollup of ['partner_conversions', 'policies', 'products', 'clicks'] as const) {
    t.ok(found[rollup] > 0, rollup);
    t.match(await metrics.expose(), new RegExp(`analytics_drift{.*rollup="${rollup}".*} ${found[rollup]}`));
  }
  t.strictSame(await readRollups(owner), right);
  t.same(await reconcileRollups({ db, metrics, graceMs: 0 }, WHOLE), NONE);
  const days = await owner.query<{ wrong: number }>(
    `SELECT count(*)::int AS wrong FROM rollup_click_days d WHERE valid_clicks <> (SELECT sum(valid_clicks)
       FROM rollup_click_hours h WHERE h.partner_id = d.partner_id AND date_trunc('day', h.hour, 'UTC') = d.day)`,
  );
  t.same(days[0]?.wrong, 0, 'days of clicks follow their hours');
});

t.test('recounting clicks while they come in counts each of them once', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const partnerId = (await insertPartner(owner)).id;
  const clickedAt = new Date('2026-03-10T10:00:00Z');
  const stop = new AbortController();
  const count = `
    WITH click AS (INSERT INTO referral_clicks (id, partner_id, referral_code, status, clicked_at)
      VALUES (gen_random_uuid(), $1, 'x', 'valid', $2) RETURNING partner_id)
    INSERT INTO rollup_click_hours AS r (hour, partner_id, valid_clicks) SELECT $2, partner_id, 1 FROM click
    ON CONFLICT (program_id, hour, partner_id) DO UPDATE SET valid_clicks = r.valid_clicks + 1`;
  const range = { programId: 'default', from: clickedAt, to: new Date('2026-03-11') };
  const rebuilding = (async () => {
    while (!stop.signal.aborted) await rebuildRollups({ db }, range);
  })();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let made = 0; made < 50; made += 1) await db.query(count, [partnerId, clickedAt]);
    }),
  );
  stop.abort();
  await rebuilding;
  const counted = await owner.query(
    'SELECT valid_clicks FROM rollup_click_hours UNION ALL SELECT valid_clicks FROM rollup_click_days',
  );
  t.same(Array.from(counted), [{ validClicks: 200 }, { validClicks: 200 }]);
});

t.test('concurrent recomputations of one key leave the newest result', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const createdAt = new Date('2026-03-10T10:00:00Z');
  const partnerId = (await insertPartner(owner)).id;
  await insertCommission(owner, { partnerId, createdAt, commissionAmount: '1.00' });
  const range = { programId: 'default', from: createdAt, to: new Date('2026-03-11') };
  for (let round = 2; round < 30; round += 1) {
    await Promise.all([
      rebuildRollups({ db }, range),
      insertCommission(owner, { partnerId, createdAt, commissionAmount: '1.00' }).then(() =>
        Promise.all([rebuildRollups({ db }, range), rebuildRollups({ db }, range)]),
      ),
    ]);
    const [row] = await db.query<{ amount: string }>(
      'SELECT earnings_amount AS amount FROM rollup_partner_hours WHERE hour = $1',
      [createdAt],
    );
    t.equal(row?.amount, `${round}.00`);
  }
});
