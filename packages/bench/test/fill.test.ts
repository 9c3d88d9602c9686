import { reconcileRollups } from '@tributary/rollups';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';

import { fillHistory } from '../src/fill/history.ts';

t.test(
  'a filled database has the rows that were asked for, and rollups that are what they say',
  async (t) => {
    const { db, owner } = await createTestDatabase(t);
    const lines: string[] = [];
    const size = { clicks: 4_000, orders: 600, partners: 30, days: 3 };
    const range = await fillHistory(owner, size, (line) => lines.push(line));
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
  },
);
