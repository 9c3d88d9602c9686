import type { Database } from '@tributary/schema';

/** Enough that two requests at once hardly ever meet on one row. */
export const BENCH_COMMISSIONS = 20_000;

/** Bonuses, because they need no order behind them; to an adjustment all kinds are alike. */
const STATEMENTS = [
  `INSERT INTO partners (id, name, email)
   SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Partner ' || n, 'partner' || n || '@example.com'
   FROM generate_series(1, 200) n`,
  `INSERT INTO commissions (id, kind, partner_id, status, commission_amount, order_amount, basis_amount, basis_left, currency)
   SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bonus',
     ('00000000-0000-7000-8000-' || lpad((n % 200 + 1)::text, 12, '0'))::uuid, 'pending', 10, 100, 10, 100, 'USD'
   FROM generate_series(1, ${BENCH_COMMISSIONS}) n`,
  'ANALYZE',
];

export async function prepareCommissions(owner: Database): Promise<void> {
  for (const statement of STATEMENTS) await owner.query(statement);
}
