const PRODUCTS = 200;
const POLICIES = 40;

/** A number from 0 to n - 1 that depends on the row alone: every run makes the same programme. */
const pick = (salt: string, n: string): string => `((hashint8extended(g, ${salt}) & 1073741823) % ${n})`;

/** Ids of one kind, so that rows can name each other without being looked up. */
const idOf = (kind: number, n: string): string =>
  `('${kind}0000000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;

/** Some partners bring far more than others: the square of an even draw. */
const partner = `(1 + floor(power(${pick('1', '1000000')} / 1e6, 2) * $5::int))`;

/** In the order of their numbers, evenly over the range; `$6` is how many there are. */
const moment = (salt: string): string =>
  `date_trunc('milliseconds', $3::timestamptz + (g - ${pick(salt, '1000000')} / 1e6) / $6::bigint * ($4::timestamptz - $3::timestamptz))`;

const RANGE = 'generate_series($1::bigint, $2::bigint) AS g';

/** What the orders are in. */
export const CURRENCIES = ['USD', 'EUR'] as const;

/** Each makes `$1` rows. */
export const CATALOGUE = ({ partners }: { partners: number }): { statement: string; rows: number }[] => [
  {
    statement: `INSERT INTO partners (id, name, email)
      SELECT ${idOf(1, 'g')}, 'Partner ' || g, 'partner' || g || '@bench.example.com' FROM generate_series(1, $1::int) AS g`,
    rows: partners,
  },
  {
    statement: `INSERT INTO products (id, sku, name, category, price, currency)
      SELECT ${idOf(2, 'g')}, 'BENCH-' || g, 'Product ' || g, 'bench', 50, 'USD' FROM generate_series(1, $1::int) AS g`,
    rows: PRODUCTS,
  },
  {
    statement: `INSERT INTO commission_policies (id, code, name) SELECT ${idOf(3, 'g')}, 'bench-' || g, 'Policy ' || g
      FROM generate_series(1, $1::int) AS g`,
    rows: POLICIES,
  },
  {
    statement: `INSERT INTO commission_policy_versions (policy_id, version, type, rate, effective_from)
      SELECT ${idOf(3, 'g')}, 1, 'percentage', 10, '2020-01-01' FROM generate_series(1, $1::int) AS g`,
    rows: POLICIES,
  },
];

/** As wide as what visitors leave: a landing page, a browser, hashes of 64 digits (three clicks a visitor). */
export const CLICKS = `
  INSERT INTO referral_clicks (id, partner_id, product_id, referral_code, landing_url, source, status, visitor_hash,
    fingerprint_hash, ip_anonymized, user_agent, clicked_at)
  SELECT uuidv7(at - clock_timestamp()), ${idOf(1, 'partner')}, ${idOf(2, 'product')}, 'bench' || partner,
    'https://shop.example.com/products/' || product, 'web', status, encode(sha256(('visitor ' || g / 3)::bytea), 'hex'),
    encode(sha256(('device ' || g / 3)::bytea), 'hex'), '203.0.' || g % 256 || '.0',
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', at
  FROM (SELECT g, ${partner}::int AS partner, 1 + ${pick('2', String(PRODUCTS))} AS product, ${moment('3')} AS at,
    (ARRAY['valid', 'valid', 'valid', 'valid', 'valid', 'valid', 'valid', 'valid', 'duplicate', 'bot'])[1 + ${pick('4', '10')}] AS status
    FROM ${RANGE}) AS click`;

/**
 * What the statements of one chunk of orders have in common. An eighth is refunded and cancelled; the others are held for a
 * week, and three days later paid at night, thousands in one hour.
 */
const SALES = `
  SELECT s.*, CASE WHEN refunded THEN 'cancelled' WHEN at + interval '7 days' > $4::timestamptz THEN 'pending'
    WHEN payday > $4::timestamptz THEN 'confirmed' ELSE 'paid' END AS status
  FROM (SELECT g, ${idOf(1, `${partner}::int`)} AS partner_id, ${idOf(2, `1 + ${pick('2', String(PRODUCTS))}`)} AS product_id,
    ${idOf(3, `1 + ${pick('5', String(POLICIES))}`)} AS policy_id, at, (1000 + ${pick('7', '40000')}) / 100.0 AS amount,
    ${pick('8', '8')} = 0 AS refunded, date_trunc('day', at, 'UTC') + interval '10 days 3 hours' AS payday,
    CASE WHEN ${pick('9', '10')} = 0 THEN '${CURRENCIES[1]}' ELSE '${CURRENCIES[0]}' END AS currency
    FROM (SELECT g, ${moment('6')} AS at FROM ${RANGE}) AS g) AS s`;

const ORDERS = `
  WITH sale AS MATERIALIZED (${SALES}),
  placed AS (INSERT INTO orders (id, external_id, currency, amount, refunded_amount, attribution, placed_at)
    SELECT ${idOf(4, 'g')}, 'bench-' || g, currency, amount, CASE WHEN refunded THEN amount ELSE 0 END,
      '{"model":"last_touch","source":"clicks","credits":[],"path":[]}', at FROM sale),
  lined AS (INSERT INTO order_lines (id, order_id, product_id, amount, commissionable_amount)
    SELECT ${idOf(5, 'g')}, ${idOf(4, 'g')}, product_id, amount, amount FROM sale)
  INSERT INTO conversion_events (id, order_row_id, order_line_id, order_id, partner_id, product_id, attribution_model,
    attribution_weight, attribution_path, is_primary, order_amount, attributed_amount, quantity, currency, is_new_customer, status,
    refunded_amount, idempotency_key, converted_at, confirmed_at, refunded_at)
  SELECT ${idOf(6, 'g')}, ${idOf(4, 'g')}, ${idOf(5, 'g')}, 'bench-' || g, partner_id, product_id, 'last_touch', 1, '[]', true, amount, amount,
    1, currency, false, CASE WHEN refunded THEN 'refunded' ELSE 'confirmed' END, CASE WHEN refunded THEN amount ELSE 0 END,
    'bench-' || g, at, at, CASE WHEN refunded THEN at END FROM sale`;

const COMMISSIONS = `
  WITH sale AS MATERIALIZED (${SALES}),
  made AS (INSERT INTO commissions (id, partner_id, product_id, policy_id, policy_version, policy_type, conversion_id, order_id, status,
      commission_amount, order_amount, basis_amount, basis_left, currency, created_at, hold_until, confirmed_at, paid_at,
      payment_method, payment_reference, cancelled_at, refunded_at)
    SELECT ${idOf(7, 'g')}, partner_id, product_id, policy_id, 1, 'percentage', ${idOf(6, 'g')}, 'bench-' || g, status, round(amount / 10, 2),
      amount, round(amount / 10, 2), amount, currency, at, at + interval '7 days',
      CASE WHEN status IN ('confirmed', 'paid') THEN at + interval '7 days' END, CASE status WHEN 'paid' THEN payday END,
      CASE status WHEN 'paid' THEN 'bank' END, CASE status WHEN 'paid' THEN 'bench' END,
      CASE WHEN refunded THEN at END, CASE WHEN refunded THEN at END
    FROM sale RETURNING *)
  INSERT INTO commission_entries (program_id, commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after,
    status_after, actor, at)
  SELECT program_id, id, 1, partner_id, kind, currency, 'created', commission_amount, commission_amount, status, 'system:bench', created_at
  FROM made`;

export const SALE_STATEMENTS = [ORDERS, COMMISSIONS];
