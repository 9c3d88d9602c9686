import type { Database } from '@tributary/schema';

export interface FunnelRange {
  readonly dateFrom: string;
  readonly dateTo: string;
  readonly partnerId?: string;
}

// Straight from the base tables and the definitions: nothing is shared with the service that computes the same.
const FUNNEL = `
  WITH bounds AS (SELECT $1::timestamptz AS lower, $2::timestamptz AS upper, $3::uuid AS partner),
  clicks AS (
    SELECT count(*) AS n FROM referral_clicks, bounds
    WHERE status = 'valid' AND clicked_at >= lower AND clicked_at < upper AND (partner IS NULL OR partner_id = partner)
  ), conversions AS (
    SELECT count(*) FILTER (WHERE is_primary OR partner IS NOT NULL) AS n, coalesce(sum(attributed_amount), 0) AS revenue
    FROM conversion_events, bounds
    WHERE currency = 'USD' AND converted_at >= lower AND converted_at < upper
      AND (partner IS NULL OR partner_id = partner)
  ), earned AS (
    SELECT count(*) FILTER (WHERE status <> 'cancelled') AS n,
      coalesce(sum(commission_amount) FILTER (WHERE status <> 'cancelled'), 0) AS amount,
      count(*) FILTER (WHERE status = 'pending')::int AS pending,
      count(*) FILTER (WHERE status = 'confirmed')::int AS confirmed,
      count(*) FILTER (WHERE status = 'paid')::int AS paid,
      count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled
    FROM commissions, bounds
    WHERE kind = 'earning' AND currency = 'USD' AND created_at >= lower AND created_at < upper
      AND (partner IS NULL OR partner_id = partner)
  ), beside AS (
    SELECT coalesce(-sum(commission_amount) FILTER (WHERE kind = 'clawback'), 0)::float8 AS clawed_back,
      coalesce(sum(commission_amount) FILTER (WHERE kind = 'bonus' AND status <> 'cancelled'), 0)::float8 AS bonuses
    FROM commissions, bounds
    WHERE currency = 'USD' AND created_at >= lower AND created_at < upper AND (partner IS NULL OR partner_id = partner)
  )
  SELECT clicks.n::int AS total_clicks, conversions.n::int AS total_conversions, earned.n::int AS total_commissions,
    coalesce(round(conversions.n * 100.0 / nullif(clicks.n, 0), 2), 0)::float8 AS click_to_conversion_rate,
    coalesce(round(earned.n * 100.0 / nullif(conversions.n, 0), 2), 0)::float8 AS conversion_to_commission_rate,
    coalesce(round(earned.n * 100.0 / nullif(clicks.n, 0), 2), 0)::float8 AS click_to_commission_rate,
    revenue::float8 AS total_revenue, amount::float8 AS total_commission_amount,
    coalesce(round(revenue / nullif(conversions.n, 0), 2), 0)::float8 AS avg_order_value,
    coalesce(round(amount / nullif(earned.n, 0), 2), 0)::float8 AS avg_commission_amount,
    coalesce(round(amount * 100 / nullif(revenue, 0), 2), 0)::float8 AS effective_commission_rate,
    jsonb_build_object('pending', pending, 'confirmed', confirmed, 'paid', paid, 'cancelled', cancelled)
      AS status_breakdown,
    clawed_back AS total_clawed_back, bonuses AS total_bonuses
  FROM clicks, conversions, earned, beside`;

/** What the funnel of this range has to say, field by field, in US dollars. */
export async function funnelBySql(
  db: Database,
  { dateFrom, dateTo, partnerId }: FunnelRange,
): Promise<Record<string, unknown>> {
  const [row] = await db.query<Record<string, unknown>>(FUNNEL, [dateFrom, dateTo, partnerId ?? null]);
  if (row === undefined) throw new Error('the funnel has no row');
  return row;
}
