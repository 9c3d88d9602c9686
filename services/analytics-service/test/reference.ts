import type { Database } from '@tributary/schema';

/** Whose figures are wanted, of when. */
export interface Question {
  from: Date;
  to: Date;
  currency: string;
  partnerId: string | undefined;
}

const percent = (part: string, whole: string): string =>
  `CASE WHEN ${whole} = 0 THEN 0 ELSE round(${part}::numeric * 100 / ${whole}, 2) END::float8`;
const ratio = (part: string, whole: string): string =>
  `CASE WHEN ${whole} = 0 THEN 0 ELSE round(${part}::numeric / ${whole}, 2) END::float8`;

/** `$1` from, `$2` to, `$3` currency, `$4` partner or null: the definitions of the domain over the base tables. */
const BASE = `
  WITH clicks AS (
    SELECT * FROM referral_clicks WHERE status = 'valid' AND clicked_at >= $1 AND clicked_at < $2
      AND ($4::uuid IS NULL OR partner_id = $4)),
  conversions AS (
    SELECT * FROM conversion_events WHERE converted_at >= $1 AND converted_at < $2 AND currency = $3
      AND ($4::uuid IS NULL OR partner_id = $4)),
  counted AS (SELECT * FROM conversions WHERE is_primary OR $4::uuid IS NOT NULL),
  created AS (
    SELECT * FROM commissions WHERE created_at >= $1 AND created_at < $2 AND currency = $3
      AND ($4::uuid IS NULL OR partner_id = $4)),
  earnings AS (SELECT * FROM created WHERE kind = 'earning'),
  kept AS (SELECT * FROM earnings WHERE status <> 'cancelled'),
  open AS (
    SELECT * FROM commissions WHERE currency = $3 AND ($4::uuid IS NULL OR partner_id = $4)),
  totals AS (SELECT
    (SELECT count(*) FROM clicks) AS clicks,
    (SELECT count(*) FROM counted) AS conversions,
    (SELECT coalesce(sum(attributed_amount), 0) FROM conversions) AS revenue,
    (SELECT count(*) FROM kept) AS commissions,
    (SELECT coalesce(sum(commission_amount), 0) FROM kept) AS amount)`;

const BESIDE = `
  'totalClawedBack', (SELECT coalesce(-sum(commission_amount), 0)::float8 FROM created WHERE kind = 'clawback'),
  'totalBonuses', (SELECT coalesce(sum(commission_amount), 0)::float8 FROM created WHERE kind = 'bonus' AND status <> 'cancelled')`;

/** By the refunds themselves: those before payment shrink or cancel the commission, those after it are taken back. */
const REFUNDED = `refunded_at IS NOT NULL OR (clawed_back_amount > 0
  AND (SELECT refunded_amount FROM conversion_events v WHERE v.id = conversion_id) > 0)`;

const count = (status: string): string => `(SELECT count(*) FROM earnings WHERE status = '${status}')`;

const FUNNEL = `${BASE}
  SELECT jsonb_build_object('totalClicks', clicks, 'totalConversions', conversions, 'totalCommissions', commissions,
    'clickToConversionRate', ${percent('conversions', 'clicks')},
    'conversionToCommissionRate', ${percent('commissions', 'conversions')},
    'clickToCommissionRate', ${percent('commissions', 'clicks')},
    'totalRevenue', revenue::float8, 'totalCommissionAmount', amount::float8,
    'avgOrderValue', ${ratio('revenue', 'conversions')}, 'avgCommissionAmount', ${ratio('amount', 'commissions')},
    'effectiveCommissionRate', ${percent('amount', 'revenue')},
    'statusBreakdown', jsonb_build_object('pending', ${count('pending')}, 'confirmed', ${count('confirmed')},
      'paid', ${count('paid')}, 'cancelled', ${count('cancelled')}), ${BESIDE}) AS answer
  FROM totals`;

const top = (rows: string, columns: string): string =>
  `(SELECT jsonb_build_object(${columns}) FROM (${rows}) AS t)`;

const KPI = `${BASE}
  SELECT jsonb_build_object('totalClicks', clicks, 'totalConversions', conversions, 'totalCommissions', commissions,
    'totalRevenue', revenue::float8,
    'totalCommissionPaid', (SELECT coalesce(sum(commission_amount), 0)::float8 FROM open
      WHERE kind = 'earning' AND status = 'paid' AND paid_at >= $1 AND paid_at < $2),
    'overallConversionRate', ${percent('conversions', 'clicks')}, 'overallCommissionRate', ${percent('amount', 'revenue')},
    'topPartner', ${top(
      `SELECT p.id, p.name, sum(commission_amount) AS m FROM kept JOIN partners p ON p.id = partner_id GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 1`,
      `'id', id, 'name', name, 'earnings', m::float8`,
    )},
    'topPolicy', ${top(
      `SELECT p.id, p.name, count(*) AS m FROM kept JOIN commission_policies p ON p.id = policy_id GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 1`,
      `'id', id, 'name', name, 'commissions', m`,
    )},
    'topProduct', ${top(
      `SELECT p.id, p.name, count(*) AS m FROM conversions JOIN products p ON p.id = product_id WHERE is_primary GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 1`,
      `'id', id, 'name', name, 'conversions', m`,
    )},
    'pendingCommissions', (SELECT count(*) FROM open WHERE kind = 'earning' AND status = 'pending'),
    'pendingCommissionAmount', (SELECT coalesce(sum(commission_amount), 0)::float8 FROM open WHERE kind = 'earning' AND status = 'pending'),
    'commissionsReadyForPayment', (SELECT count(*) FROM open WHERE kind = 'earning' AND status = 'confirmed'),
    'paymentsReadyAmount', (SELECT coalesce(sum(commission_amount), 0)::float8 FROM open WHERE kind = 'earning' AND status = 'confirmed'),
    'clawbacksToNet', (SELECT coalesce(-sum(commission_amount), 0)::float8 FROM open WHERE kind = 'clawback' AND status = 'confirmed'),
    ${BESIDE}) AS answer
  FROM totals`;

const POLICIES = `${BASE},
  figures AS (SELECT policy_id, count(*) FILTER (WHERE status <> 'cancelled') AS commissions,
      coalesce(sum(commission_amount) FILTER (WHERE status <> 'cancelled'), 0) AS amount,
      count(*) FILTER (WHERE ${REFUNDED}) AS refunds,
      count(*) FILTER (WHERE status IN ('confirmed', 'paid')) AS confirmed,
      coalesce(sum(order_amount) FILTER (WHERE status <> 'cancelled'), 0) AS revenue
    FROM earnings GROUP BY policy_id)
  SELECT coalesce(jsonb_agg(jsonb_build_object('policyId', p.id, 'policyName', p.name, 'policyType', 'percentage',
    'totalCommissions', commissions, 'totalAmount', amount::float8, 'avgCommission', ${ratio('amount', 'commissions')},
    'refundCount', refunds, 'refundRate', ${percent('refunds', 'commissions')},
    'confirmationRate', ${percent('confirmed', 'commissions')}, 'totalRevenue', revenue::float8,
    'roi', ${percent('amount', 'revenue')}, 'rank', place) ORDER BY place), '[]') AS answer
  FROM (SELECT *, row_number() OVER (ORDER BY amount DESC, policy_id) AS place FROM figures) f
  JOIN commission_policies p ON p.id = f.policy_id`;

/** Of one partner `p`, in one currency. */
const ofPartner = (currency: string): string => `
  (SELECT
    (SELECT count(*) FROM conversion_events e WHERE e.partner_id = p.id AND converted_at >= $1 AND converted_at < $2 AND currency = ${currency}) AS conversions,
    (SELECT coalesce(sum(attributed_amount), 0) FROM conversion_events e
      WHERE e.partner_id = p.id AND converted_at >= $1 AND converted_at < $2 AND currency = ${currency}) AS revenue,
    count(*) FILTER (WHERE status <> 'cancelled') AS commissions,
    coalesce(sum(commission_amount) FILTER (WHERE status <> 'cancelled'), 0) AS amount,
    count(*) FILTER (WHERE ${REFUNDED}) AS refunds
  FROM commissions c WHERE c.partner_id = p.id AND kind = 'earning' AND created_at >= $1 AND created_at < $2 AND currency = ${currency})`;

const meets = (earnings: number, conversionRate: number, refundRateBelow: number): string =>
  `m.amount >= ${earnings} AND clicks > 0 AND m.conversions * 100 >= ${conversionRate} * clicks AND m.refunds * 100 < ${refundRateBelow} * m.commissions`;

/** Marks are in the programme's currency, which no test sets, whatever currency is asked for. */
const RECOMMENDED = `CASE WHEN m.commissions < 10 THEN p.tier WHEN ${meets(25_000, 7, 3)} THEN 'platinum'
  WHEN ${meets(10_000, 5, 5)} THEN 'gold' WHEN ${meets(5_000, 3, 10)} THEN 'silver' ELSE 'bronze' END`;

const RANKS = `ARRAY['bronze', 'silver', 'gold', 'platinum']`;

const TIERS = `
  SELECT coalesce(jsonb_agg(jsonb_build_object('partnerId', p.id, 'partnerName', p.name, 'partnerEmail', p.email, 'currentTier', p.tier,
    'totalClicks', clicks, 'totalConversions', s.conversions, 'totalCommissions', s.commissions,
    'conversionRate', ${percent('s.conversions', 'clicks')}, 'commissionRate', ${percent('s.commissions', 's.conversions')},
    'totalEarnings', s.amount::float8, 'avgCommissionAmount', ${ratio('s.amount', 's.commissions')},
    'totalRevenue', s.revenue::float8, 'refundCount', s.refunds, 'refundRate', ${percent('s.refunds', 's.commissions')},
    'recommendedTier', tier_by_marks,
    'tierUpgradeEligible', array_position(${RANKS}, tier_by_marks) > array_position(${RANKS}, p.tier))
    ORDER BY s.amount DESC, p.id), '[]') AS answer
  FROM partners p, LATERAL (
    SELECT count(*) AS clicks FROM referral_clicks c
    WHERE c.partner_id = p.id AND c.status = 'valid' AND clicked_at >= $1 AND clicked_at < $2) AS k,
  LATERAL ${ofPartner('$3')} AS s, LATERAL ${ofPartner(`'USD'`)} AS m, LATERAL (SELECT ${RECOMMENDED} AS tier_by_marks) AS r
  WHERE $4::uuid IS NULL OR p.id = $4`;

const STATEMENTS = { funnel: FUNNEL, kpi: KPI, 'policy-performance': POLICIES, 'partner-tiers': TIERS };

/** What a dashboard should answer (of kpi without the period, of partner-tiers without the reason of the advice). */
export async function referenceAnswer(
  db: Database,
  dashboard: keyof typeof STATEMENTS,
  { from, to, currency, partnerId }: Question,
): Promise<unknown> {
  const params = [from, to, currency, partnerId ?? null];
  const [row] = await db.query<{ answer: unknown }>(STATEMENTS[dashboard], params);
  return row?.answer;
}

/** The series of trends, its buckets cut by Postgres's own calendar. */
export async function referenceTrends(
  db: Database,
  { from, to, currency, partnerId }: Question,
  { interval, timeZone }: { interval: string; timeZone: string },
): Promise<unknown> {
  const [row] = await db.query<{ answer: unknown }>(
    `${BASE}, facts AS (
       SELECT clicked_at AS at, 1 AS clicks, 0 AS conversions, 0 AS commissions, 0.0 AS revenue, 0.0 AS amount FROM clicks
       UNION ALL SELECT converted_at, 0, (is_primary OR $4::uuid IS NOT NULL)::int, 0, attributed_amount, 0 FROM conversions
       UNION ALL SELECT created_at, 0, 0, 1, 0, commission_amount FROM kept)
     SELECT coalesce(jsonb_object_agg(start, figures), '{}') AS answer FROM (
       SELECT to_char(date_trunc($5, at, $6) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS start,
         jsonb_build_object('clicks', sum(clicks), 'conversions', sum(conversions), 'commissions', sum(commissions),
           'revenue', sum(revenue)::float8, 'commissionAmount', sum(amount)::float8) AS figures
       FROM facts GROUP BY 1) AS s, totals`,
    [from, to, currency, partnerId ?? null, interval, timeZone],
  );
  return row?.answer;
}

/** When the buckets of a range begin, by Postgres's own calendar; clocks differ from each other by quarters of an hour. */
export async function referenceStarts(
  db: Database,
  { from, to }: Question,
  { interval, timeZone }: { interval: string; timeZone: string },
): Promise<string[]> {
  const rows = await db.query<{ start: string }>(
    `SELECT DISTINCT to_char(date_trunc($3, at, $4) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS start
     FROM (SELECT generate_series($1::timestamptz, $2::timestamptz - interval '1 ms', interval '15 minutes') AS at
       UNION ALL SELECT $2::timestamptz - interval '1 ms' WHERE $1::timestamptz < $2::timestamptz) AS moment
     ORDER BY 1`,
    [from, to, interval, timeZone],
  );
  return rows.map(({ start }) => start);
}
