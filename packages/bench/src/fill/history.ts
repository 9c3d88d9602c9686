import { rebuildRollups } from '@tributary/rollups';
import { ensurePartitions, type Database } from '@tributary/schema';

/** How much of a programme's past to make. */
export interface HistorySize {
  readonly clicks: number;
  /** Each with one line, one conversion and one commission. */
  readonly orders: number;
  readonly partners: number;
  /** Ends now. */
  readonly days: number;
}

/** Rows a statement: a second or two, so that a busy machine stays below the 15 s after which a connection counts as lost. */
const CLICKS_AT_ONCE = 25_000;
const ORDERS_AT_ONCE = 5_000;
const DAY_MS = 86_400_000;
const PRODUCTS = 200;
const POLICIES = 40;

/** A number from 0 to n - 1 that depends on the row alone: every run makes the same programme. */
const pick = (salt: string, n: string): string => `((hashint8extended(g, ${salt}) & 1073741823) % ${n})`;

/** Ids of one kind, so that rows can name each other without being looked up. */
const idOf = (kind: number, n: string): string =>
  `('${kind}0000000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;

/** Some partners bring far more than others: the square root of an even draw, turned round. */
const partner = `(1 + floor(power(${pick('1', '1000000')} / 1e6, 2) * $5::int))`;
const moment = (salt: string): string =>
  `date_trunc('milliseconds', $3::timestamptz + ${pick(salt, '1000000')} / 1e6 * ($4::timestamptz - $3::timestamptz))`;
const RANGE = 'generate_series($1::bigint, $2::bigint) AS g';

const CATALOGUE = [
  `INSERT INTO partners (id, name, email) SELECT ${idOf(1, 'g')}, 'Partner ' || g, 'partner' || g || '@bench.example.com'
   FROM generate_series(1, $1::int) AS g`,
  `INSERT INTO products (id, sku, name, category, price, currency)
   SELECT ${idOf(2, 'g')}, 'BENCH-' || g, 'Product ' || g, 'bench', 50, 'USD' FROM generate_series(1, $1::int) AS g`,
  `INSERT INTO commission_policies (id, code, name) SELECT ${idOf(3, 'g')}, 'bench-' || g, 'Policy ' || g
   FROM generate_series(1, $1::int) AS g`,
  `INSERT INTO commission_policy_versions (policy_id, version, type, rate, effective_from)
   SELECT ${idOf(3, 'g')}, 1, 'percentage', 10, '2020-01-01' FROM generate_series(1, $1::int) AS g`,
];

const CLICKS = `
  INSERT INTO referral_clicks (id, partner_id, product_id, referral_code, source, status, visitor_hash, clicked_at)
  SELECT uuidv7(at - clock_timestamp()), ${idOf(1, 'partner')}, ${idOf(2, 'product')}, 'bench' || partner, 'web', status, 'v' || g, at
  FROM (SELECT g, ${partner} AS partner, 1 + ${pick('2', String(PRODUCTS))} AS product, ${moment('3')} AS at,
    (ARRAY['valid', 'valid', 'valid', 'valid', 'valid', 'valid', 'valid', 'valid', 'duplicate', 'bot'])[1 + ${pick('4', '10')}] AS status
    FROM ${RANGE}) AS click`;

/** What the statements of one chunk of orders have in common. */
const SALES = `
  SELECT g, ${idOf(1, partner)} AS partner_id, ${idOf(2, `1 + ${pick('2', String(PRODUCTS))}`)} AS product_id,
    ${idOf(3, `1 + ${pick('5', String(POLICIES))}`)} AS policy_id, ${moment('6')} AS at, (1000 + ${pick('7', '40000')}) / 100.0 AS amount,
    (ARRAY['pending', 'confirmed', 'confirmed', 'paid', 'paid', 'paid', 'paid', 'cancelled'])[1 + ${pick('8', '8')}] AS status,
    CASE WHEN ${pick('9', '10')} = 0 THEN 'EUR' ELSE 'USD' END AS currency
  FROM ${RANGE}`;

const ORDERS = `
  WITH sale AS MATERIALIZED (${SALES}),
  placed AS (INSERT INTO orders (id, external_id, currency, amount, attribution, placed_at)
    SELECT ${idOf(4, 'g')}, 'bench-' || g, currency, amount, '{"model":"last_touch","source":"clicks","credits":[],"path":[]}', at FROM sale),
  lined AS (INSERT INTO order_lines (id, order_id, product_id, amount, commissionable_amount)
    SELECT ${idOf(5, 'g')}, ${idOf(4, 'g')}, product_id, amount, amount FROM sale)
  INSERT INTO conversion_events (id, order_row_id, order_line_id, order_id, partner_id, product_id, attribution_model,
    attribution_weight, attribution_path, is_primary, order_amount, attributed_amount, quantity, currency, is_new_customer, status,
    idempotency_key, converted_at)
  SELECT ${idOf(6, 'g')}, ${idOf(4, 'g')}, ${idOf(5, 'g')}, 'bench-' || g, partner_id, product_id, 'last_touch', 1, '[]', true, amount, amount,
    1, currency, false, 'confirmed', 'bench-' || g, at FROM sale`;

const COMMISSIONS = `
  WITH sale AS MATERIALIZED (${SALES}),
  made AS (INSERT INTO commissions (id, partner_id, product_id, policy_id, policy_version, policy_type, conversion_id, order_id, status,
      commission_amount, order_amount, basis_amount, basis_left, currency, created_at, hold_until, confirmed_at, paid_at,
      payment_method, payment_reference, cancelled_at, refunded_at)
    SELECT ${idOf(7, 'g')}, partner_id, product_id, policy_id, 1, 'percentage', ${idOf(6, 'g')}, 'bench-' || g, status, round(amount / 10, 2),
      amount, round(amount / 10, 2), amount, currency, at, at + interval '7 days',
      CASE WHEN status IN ('confirmed', 'paid') THEN at END, CASE status WHEN 'paid' THEN at END,
      CASE status WHEN 'paid' THEN 'bank' END, CASE status WHEN 'paid' THEN 'bench' END,
      CASE status WHEN 'cancelled' THEN at END, CASE status WHEN 'cancelled' THEN at END
    FROM sale RETURNING *)
  INSERT INTO commission_entries (program_id, commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after,
    status_after, actor, at)
  SELECT program_id, id, 1, partner_id, kind, currency, 'created', commission_amount, commission_amount, status, 'system:bench', created_at
  FROM made`;

interface Chunks {
  readonly statements: readonly string[];
  readonly rows: number;
}

/**
 * Makes a programme's past in an empty, migrated database, as its owner: set-based statements, then the rollups in the projector's
 * own way. No events and no audit rows: what reads figures does not look at them.
 */
export async function fillHistory(
  owner: Database,
  size: HistorySize,
  log: (line: string) => void,
): Promise<{ from: Date; to: Date }> {
  const to = new Date();
  const from = new Date(to.getTime() - size.days * DAY_MS);
  await ensurePartitions(owner, from, size.days);
  for (const [index, statement] of CATALOGUE.entries()) {
    await owner.query(statement, [[size.partners, PRODUCTS, POLICIES, POLICIES][index] ?? 0]);
  }
  const inChunks = async (what: string, count: number, { statements, rows }: Chunks): Promise<void> => {
    for (let first = 1; first <= count; first += rows) {
      const last = Math.min(count, first + rows - 1);
      for (const statement of statements)
        await owner.query(statement, [first, last, from, to, size.partners]);
      log(`${last} of ${count} ${what}`);
    }
  };
  await inChunks('clicks', size.clicks, { statements: [CLICKS], rows: CLICKS_AT_ONCE });
  await inChunks('orders', size.orders, { statements: [ORDERS, COMMISSIONS], rows: ORDERS_AT_ONCE });
  await owner.query('ANALYZE');
  await rebuildRollups(
    {
      db: owner,
      onDay: (day, keys) => log(`rollups of ${day.toISOString().slice(0, 10)}: ${keys} keys`),
    },
    { programId: 'default', from, to },
  );
  await owner.query('ANALYZE');
  return { from, to };
}
