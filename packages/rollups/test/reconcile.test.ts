import t from 'tap';
import type { Database } from '@tributary/schema';
import {
  createTestDatabase,
  insertClick,
  insertCommission,
  insertConversion,
  insertPartner,
  insertPolicy,
} from '@tributary/testkit';
import { findFirstMoment, rebuildRollups, reconcileRollups } from '../src/index.ts';

const WHOLE = {
  programId: 'default',
  from: new Date('2026-03-01T00:00:00Z'),
  to: new Date('2026-03-09T00:00:00Z'),
};

const TABLES = [
  'partner_hours',
  'partner_days',
  'program_hours',
  'policy_hours',
  'product_hours',
  'click_hours',
  'click_days',
  'policy_days',
  'product_days',
  'program_click_hours',
  'click_stat_days',
];

/** Everything that the rollups say; rows of zeros say nothing. */
async function readRollups(owner: Database): Promise<Record<string, unknown>> {
  const lists = await Promise.all(
    TABLES.map((table) =>
      owner.query(
        `SELECT * FROM rollup_${table} r WHERE to_jsonb(r)::text ~ '_?(clicks|count|conversions|amount|revenue)": "?-?0?[.0]*[1-9]'
         ORDER BY r::text`,
      ),
    ),
  );
  return Object.fromEntries(TABLES.map((table, index) => [table, Array.from(lists[index] ?? [])]));
}

/** A few days of two partners, on some hours several rows. */
async function insertHistory(owner: Database): Promise<string[]> {
  const partners = [(await insertPartner(owner)).id, (await insertPartner(owner)).id];
  const policyId = (await insertPolicy(owner)).id;
  for (const [index, hours] of [1, 1, 7, 25, 30, 30, 80, 81, 120].entries()) {
    const at = new Date(WHOLE.from.getTime() + hours * 3_600_000 + index * 1_000);
    const partnerId = partners[index % 2] ?? '';
    await insertClick(owner, { partnerId, clickedAt: at });
    await insertConversion(owner, { partnerId, convertedAt: at });
    await insertCommission(owner, { partnerId, policyId, createdAt: at, commissionAmount: `${index}.10` });
  }
  return partners;
}

const reconcile = (db: Database) => reconcileRollups({ db, graceMs: 0 }, WHOLE);

t.test('what was lost or spoilt is found, reported and repaired', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  await insertHistory(owner);
  await rebuildRollups({ db }, WHOLE);
  const right = await readRollups(owner);
  for (const table of TABLES) t.ok((right[table] as unknown[]).length > 1, `${table} holds something`);
  t.same(await reconcile(db), {}, 'nothing to find in what was rebuilt');

  await owner.query('UPDATE rollup_partner_hours SET revenue = revenue + 0.01 WHERE conversions = 1');
  await owner.query('DELETE FROM rollup_policy_hours WHERE hour >= $1', [new Date('2026-03-04')]);
  await owner.query('UPDATE rollup_product_hours SET conversions = conversions + 1');
  await owner.query('UPDATE rollup_click_hours SET valid_clicks = valid_clicks + 1');
  const found = await reconcile(db);
  for (const rollup of ['partner_conversions', 'policies', 'products', 'clicks'] as const) {
    t.ok((found[rollup] ?? 0) > 0, rollup);
  }
  t.strictSame(await readRollups(owner), right);
  t.same(await reconcile(db), {});
});

t.test('days, and hours of the programme, that are not what they are sums of are repaired', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const [partnerId = ''] = await insertHistory(owner);
  await rebuildRollups({ db }, WHOLE);
  const right = await readRollups(owner);
  await owner.query(
    'UPDATE rollup_partner_days SET earnings_amount = earnings_amount + 1 WHERE partner_id = $1',
    [partnerId],
  );
  await owner.query('DELETE FROM rollup_program_hours WHERE hour < $1', [new Date('2026-03-02')]);
  await owner.query('UPDATE rollup_click_days SET valid_clicks = valid_clicks - 1 WHERE partner_id = $1', [
    partnerId,
  ]);
  await owner.query('UPDATE rollup_policy_days SET earnings_amount = earnings_amount + 1');
  await owner.query('DELETE FROM rollup_product_days WHERE day < $1', [new Date('2026-03-03')]);
  await owner.query('UPDATE rollup_program_click_hours SET valid_clicks = valid_clicks + 2');
  await owner.query(`UPDATE rollup_click_stat_days SET clicks = clicks - 1`);
  await owner.query(
    `INSERT INTO rollup_click_stat_days (day, partner_id, status, source, clicks) VALUES ('2026-03-02Z', $1, 'bot', 'app', 3)`,
    [partnerId],
  );
  // Sums of nothing: neither hour nor base row is of that currency.
  await owner.query(
    `INSERT INTO rollup_partner_days (day, partner_id, currency, revenue) VALUES ('2026-03-02Z', $1, 'EUR', 5)`,
    [partnerId],
  );
  await owner.query(
    `INSERT INTO rollup_program_hours (hour, currency, paid_amount) VALUES ('2026-03-03T07:00Z', 'JPY', 9)`,
  );
  t.same(Object.keys(await reconcile(db)).sort(), [
    'click_days',
    'click_stats',
    'partner_days',
    'policy_days',
    'product_days',
    'program_click_hours',
    'program_hours',
  ]);
  t.strictSame(await readRollups(owner), right);
  t.same(await reconcile(db), {});
});

t.test('the first moment of a programme is that of its earliest row', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  t.equal(await findFirstMoment(db, 'default'), undefined);
  await insertHistory(owner);
  t.same(await findFirstMoment(db, 'default'), new Date('2026-03-01T01:00:00Z'));
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
    `SELECT valid_clicks FROM rollup_click_hours UNION ALL SELECT valid_clicks FROM rollup_click_days
     UNION ALL SELECT valid_clicks FROM rollup_program_click_hours UNION ALL SELECT clicks FROM rollup_click_stat_days`,
  );
  t.same(
    Array.from(counted),
    Array.from({ length: 4 }, () => ({ validClicks: 200 })),
  );
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
