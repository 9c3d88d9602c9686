import { PARTNER_TIERS } from '@tributary/schema';
import type { Database } from '@tributary/schema';
import { insertPartner, insertPolicy, insertProduct } from '@tributary/testkit';

export const HISTORY = { from: new Date('2026-02-20T00:00:00Z'), to: new Date('2026-04-21T00:00:00Z') };

/** A number from 0 to n - 1 that depends on the row and a salt only, so that every run has the same history. */
const pick = (salt: string, n: number): string =>
  `((hashtextextended(g || '${salt}', 7) & 1073741823) % ${n})::int`;

const moment = (salt: string): string =>
  `('2026-02-20T00:00:00Z'::timestamptz + ${pick(salt, 60 * 86_400)} * interval '1 second' + ${pick(`${salt}ms`, 1_000)} * interval '1 ms')`;

const oneOf = (salt: string, n: number, ids: string): string => `(${ids}::uuid[])[1 + ${pick(salt, n)}]`;

/**
 * Two months of clicks, conversions (some shared by several partners), earnings in every status, bonuses and claw-backs, of
 * partners of every tier, in three currencies, over month ends and changes of daylight saving on both sides of the Atlantic.
 */
export async function insertHistory(owner: Database, rows = 1_200) {
  const partners = await many(8, (made) =>
    insertPartner(owner, { tier: PARTNER_TIERS[made % 4] ?? 'bronze' }),
  );
  const products = await many(5, () => insertProduct(owner));
  const policies = await many(4, () => insertPolicy(owner));
  const ids = [partners, products, policies].map((list) => list.map(({ id }) => id));
  await owner.query(
    `INSERT INTO referral_clicks (id, partner_id, referral_code, status, clicked_at)
     SELECT gen_random_uuid(), ${oneOf('p', 8, '$1')}, 'x', (ARRAY['valid', 'valid', 'valid', 'bot', 'duplicate'])[1 + ${pick('s', 5)}],
       ${moment('c')} FROM generate_series(1, $2::int) AS g`,
    [ids[0] ?? [], rows * 4],
  );
  await owner.query(
    `CREATE TABLE sale AS SELECT g, gen_random_uuid() AS o, gen_random_uuid() AS l, gen_random_uuid() AS c,
       ${oneOf('p', 8, '$1')} AS partner, ${oneOf('q', 5, '$2')} AS product, ${oneOf('y', 4, '$3')} AS policy,
       (1000 + ${pick('a', 90_000)}) / 100.0 AS amount, ${moment('t')} AS at,
       (ARRAY['USD', 'USD', 'USD', 'EUR', 'JPY'])[1 + ${pick('u', 5)}] AS currency, ${pick('prim', 10)} > 2 AS is_primary,
       (ARRAY['pending', 'confirmed', 'confirmed', 'paid', 'paid', 'cancelled'])[1 + ${pick('st', 6)}] AS status,
       ${pick('re', 10)} = 0 AS refunded, ${pick('later', 30 * 86_400)} * interval '1 second' AS later
     FROM generate_series(1, $4::int) AS g`,
    [...ids.map((list) => list), rows],
  );
  for (const statement of SALES) await owner.query(statement);
  return { partners, products, policies };
}

const SALES = [
  `INSERT INTO orders (id, external_id, currency, amount, attribution, placed_at)
   SELECT o, 'o' || g, currency, amount, '{}', at FROM sale`,
  `INSERT INTO order_lines (id, order_id, product_id, amount, commissionable_amount) SELECT l, o, product, amount, amount FROM sale`,
  `INSERT INTO conversion_events (id, order_row_id, order_line_id, order_id, partner_id, product_id, attribution_model,
     attribution_weight, attribution_path, is_primary, order_amount, attributed_amount, quantity, currency, is_new_customer, status,
     idempotency_key, converted_at)
   SELECT c, o, l, 'o' || g, partner, product, 'linear', 1, '[]', is_primary, amount, amount, 1, currency, false, 'confirmed', 'k' || g, at
   FROM sale`,
  `INSERT INTO commissions (id, partner_id, product_id, policy_id, policy_version, policy_type, conversion_id, status,
     commission_amount, order_amount, basis_amount, basis_left, currency, created_at, paid_at, payment_method, payment_reference,
     refunded_at)
   SELECT gen_random_uuid(), partner, product, policy, 1, 'percentage', c, status, round(amount / 7, 2), amount, round(amount / 7, 2),
     amount, currency, at + later / 20, CASE status WHEN 'paid' THEN at + later END, CASE status WHEN 'paid' THEN 'bank' END,
     CASE status WHEN 'paid' THEN 'ref' END, CASE WHEN refunded THEN at END
   FROM sale WHERE g % 12 <> 0`,
  `INSERT INTO commissions (id, kind, partner_id, original_commission_id, status, commission_amount, order_amount, basis_amount,
     basis_left, currency, created_at, paid_at, payment_method, payment_reference)
   SELECT gen_random_uuid(), 'clawback', partner_id, id, CASE WHEN random() < 0.5 THEN 'paid' ELSE 'confirmed' END, -1.25, 0, -1.25, 0,
     currency, paid_at + interval '90 minutes', paid_at + interval '9 days', 'bank', 'ref'
   FROM commissions WHERE status = 'paid' AND commission_amount > 60`,
  `INSERT INTO commissions (id, kind, partner_id, status, commission_amount, order_amount, basis_amount, basis_left, currency, created_at)
   SELECT gen_random_uuid(), 'bonus', partner, CASE WHEN g % 3 = 0 THEN 'cancelled' ELSE 'confirmed' END, 5.55, 0, 5.55, 0, currency,
     at FROM sale WHERE g % 25 = 0`,
  `UPDATE commissions c SET clawed_back_amount = 1.25
   WHERE EXISTS (SELECT FROM commissions b WHERE b.original_commission_id = c.id)`,
  `UPDATE conversion_events e SET refunded_amount = 1 FROM sale WHERE e.id = sale.c AND g % 3 = 0`,
  `DROP TABLE sale`,
];

async function many<Row>(count: number, insert: (made: number) => Promise<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let made = 0; made < count; made += 1) rows.push(await insert(made));
  return rows;
}
