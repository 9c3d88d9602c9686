import type { Database } from '@tributary/schema';

import { setIndexesAside } from '../fill/indexes.ts';

const PARTNERS = 1_000;
const POLICIES = 40;
const ROWS_AT_ONCE = 250_000;

const idOf = (kind: number, n: string): string =>
  `('${kind}0000000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;

/** Even from 0 to n - 1, and a function of the row's number: every run makes the same. */
const pick = (salt: number, n: number): string => `((hashint8extended(g, ${salt}) & 1073741823) % ${n})`;

export const PARTNER_OF_MANY = '10000000-0000-7000-8000-000000000001';
export const POLICY_OF_MANY = '30000000-0000-7000-8000-000000000001';

const CATALOGUE = [
  `INSERT INTO partners (id, name, email)
   SELECT ${idOf(1, 'g')}, 'Partner ' || g, 'partner' || g || '@bench.example.com' FROM generate_series(1, ${PARTNERS}) g`,
  `INSERT INTO commission_policies (id, code, name)
   SELECT ${idOf(3, 'g')}, 'bench-' || g, 'Policy ' || g FROM generate_series(1, ${POLICIES}) g`,
  `INSERT INTO commission_policy_versions (policy_id, version, type, rate, effective_from)
   SELECT ${idOf(3, 'g')}, 1, 'percentage', 10, '2020-01-01' FROM generate_series(1, ${POLICIES}) g`,
];

/**
 * A year that ends now: one partner and one policy have half of everything, the others share the rest; one in fifty was
 * refunded, one in a hundred is a claw-back or a bonus, one in a thousand is in another currency. `$3` is how many there are.
 */
const COMMISSIONS = `
  WITH sale AS (
    SELECT g, now() - ($3::int - g) * (interval '365 days' / $3::int) AS at, ${pick(2, 100)} AS kind, ${pick(3, 50)} = 0 AS refunded,
      CASE WHEN ${pick(1, 2)} = 0 THEN 1 ELSE 1 + ${pick(5, PARTNERS)} END AS partner,
      CASE WHEN ${pick(4, 2)} = 0 THEN 1 ELSE 1 + ${pick(6, POLICIES)} END AS policy
    FROM generate_series($1::int, $2::int) g),
  priced AS (
    SELECT s.*, (100 + ${pick(7, 400_000)}) / 100.0 AS amount,
      CASE WHEN refunded THEN 'cancelled' WHEN at > now() - interval '7 days' THEN 'pending'
        WHEN at > now() - interval '20 days' THEN 'confirmed' ELSE 'paid' END AS status FROM sale s),
  made AS (
    INSERT INTO commissions (id, kind, partner_id, policy_id, policy_version, policy_type, conversion_id, original_commission_id, order_id,
      referral_code, status, commission_amount, order_amount, basis_amount, basis_left, currency, created_at, updated_at, hold_until,
      confirmed_at, paid_at, payment_method, payment_reference, cancelled_at, refunded_at, metadata)
    SELECT ${idOf(7, 'g')}, CASE kind WHEN 0 THEN 'clawback' WHEN 1 THEN 'bonus' ELSE 'earning' END, ${idOf(1, 'partner')},
      ${idOf(3, 'policy')}, 1, 'percentage', ${idOf(6, 'g')}, CASE kind WHEN 0 THEN ${idOf(7, 'g - 1')} END,
      'shop-' || ${pick(8, 90)} || '-' || g, 'CODE' || partner, status, CASE kind WHEN 0 THEN -amount ELSE amount END, amount * 10, amount,
      amount * 10, CASE WHEN ${pick(9, 1_000)} = 0 THEN 'EUR' ELSE 'USD' END, at, at, at + interval '7 days',
      CASE WHEN status IN ('confirmed', 'paid') THEN at + interval '7 days' END,
      CASE status WHEN 'paid' THEN at + interval '20 days' END, CASE status WHEN 'paid' THEN 'bank' END,
      CASE status WHEN 'paid' THEN 'bench' END, CASE WHEN refunded THEN at END, CASE WHEN refunded THEN at END,
      '{"decision":{"summary":"bench","considered":[]}}' FROM priced RETURNING *)
  INSERT INTO commission_entries (program_id, commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after,
    status_after, actor, at)
  SELECT program_id, id, 1, partner_id, kind, currency, CASE WHEN refunded_at IS NULL THEN 'created' ELSE 'refunded' END, commission_amount, commission_amount, status, 'system:bench', created_at
  FROM made`;

/** Commissions and their entries in an empty database, by an owner from `connectForFilling`: references are not checked. */
export async function fillCommissions(
  owner: Database,
  count: number,
  log: (line: string) => void,
): Promise<void> {
  const indexes = await setIndexesAside(owner, ['commissions', 'commission_entries']);
  for (const statement of CATALOGUE) await owner.query(statement);
  for (let first = 1; first <= count; first += ROWS_AT_ONCE) {
    const last = Math.min(count, first + ROWS_AT_ONCE - 1);
    await owner.query(COMMISSIONS, [first, last, count]);
    log(`${last} of ${count} commissions`);
  }
  await indexes.restore((name) => log(`index ${name}`));
  await owner.query('VACUUM ANALYZE');
}
