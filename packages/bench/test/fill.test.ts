import { rebuildRollups, reconcileRollups } from '@tributary/rollups';
import type { Database } from '@tributary/schema';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';

import { connectForFilling } from '../src/fill/filled-database.ts';
import { fillHistory } from '../src/fill/history.ts';

const ROLLUPS = [
  'click_hours',
  'click_days',
  'partner_hours',
  'partner_days',
  'program_hours',
  'policy_hours',
  'product_hours',
  'policy_days',
  'product_days',
  'program_click_hours',
  'click_stat_days',
];

async function readRollups(owner: Database): Promise<Record<string, string[]>> {
  const lists = ROLLUPS.map(async (rollup) => {
    const rows = await owner.query<{ row: string }>(
      `SELECT r::text AS row FROM rollup_${rollup} r ORDER BY 1`,
    );
    return [rollup, rows.map(({ row }) => row)] as const;
  });
  return Object.fromEntries(await Promise.all(lists));
}

const INDEXES = `SELECT c.relname || ' ' || pg_get_indexdef(i.indexrelid) AS index FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition ORDER BY 1`;

t.test(
  'a filled database has the rows that were asked for, and rollups that are what they say',
  async (t) => {
    const { db, owner, ownerUrl } = await createTestDatabase(t);
    const filling = connectForFilling(ownerUrl);
    t.teardown(() => filling.close());
    const indexes = await owner.query(INDEXES);
    const lines: string[] = [];
    const size = { clicks: 4_000, orders: 600, partners: 30, days: 3 };
    const range = await fillHistory(filling, size, (line) => lines.push(line));
    const [counts] = await owner.query<{
      partners: number;
    }>(`SELECT (SELECT count(*)::int FROM referral_clicks) AS clicks,
    (SELECT count(*)::int FROM orders) AS orders, (SELECT count(*)::int FROM conversion_events) AS conversions,
    (SELECT count(*)::int FROM commissions) AS commissions, (SELECT count(*)::int FROM commission_entries) AS entries,
    (SELECT count(DISTINCT partner_id)::int FROM commissions) AS partners,
    (SELECT sum(primary_conversions)::int FROM rollup_program_hours) AS rolled_up`);
    t.match(counts, {
      clicks: 4_000,
      orders: 600,
      conversions: 600,
      commissions: 600,
      entries: 600,
      rolledUp: 600,
    });
    t.ok((counts?.partners ?? 0) > 10);
    t.same(await reconcileRollups({ db, graceMs: 0 }, { programId: 'default', ...range }), {});
    t.ok(lines.includes('4000 of 4000 clicks'));
    t.same(await owner.query(INDEXES), indexes, 'no index is missing');
    const filled = await readRollups(owner);
    for (const rollup of ROLLUPS) {
      t.ok((filled[rollup]?.length ?? 0) > 10, rollup);
      await owner.query(`DELETE FROM rollup_${rollup}`);
    }
    await rebuildRollups({ db }, { programId: 'default', ...range });
    t.same(await readRollups(owner), filled, 'a rebuild makes the same');
  },
);
