import type { Database } from '@tributary/schema';

/** From a moment to a later one, the later not included. */
export interface Range {
  readonly from: Date;
  readonly to: Date;
}

/** One way to the figures of a dashboard in US dollars, from the base tables alone. */
export type Computation = (db: Database, range: Range) => Promise<unknown>;

/** The same for every so manieth entry only: what takes long is measured by a part of it. */
export type PartialComputation = (db: Database, range: Range, everyNth: number) => Promise<unknown>;

// `$1` from, `$2` to: the domain's definitions, each table read once.
const FUNNEL = `
  SELECT (SELECT count(*) FROM referral_clicks
      WHERE program_id = 'default' AND status = 'valid' AND clicked_at >= $1 AND clicked_at < $2) AS clicks, e.*, c.*
  FROM (SELECT count(*) FILTER (WHERE is_primary) AS conversions, sum(attributed_amount) AS revenue FROM conversion_events
      WHERE program_id = 'default' AND currency = 'USD' AND converted_at >= $1 AND converted_at < $2) AS e,
    (SELECT count(*) FILTER (WHERE kind = 'earning' AND status = 'pending') AS pending,
      count(*) FILTER (WHERE kind = 'earning' AND status = 'confirmed') AS confirmed,
      count(*) FILTER (WHERE kind = 'earning' AND status = 'paid') AS paid,
      count(*) FILTER (WHERE kind = 'earning' AND status = 'cancelled') AS cancelled,
      sum(commission_amount) FILTER (WHERE kind = 'earning' AND status <> 'cancelled') AS amount,
      -sum(commission_amount) FILTER (WHERE kind = 'clawback') AS clawed_back,
      sum(commission_amount) FILTER (WHERE kind = 'bonus' AND status <> 'cancelled') AS bonuses
    FROM commissions WHERE program_id = 'default' AND currency = 'USD' AND created_at >= $1 AND created_at < $2) AS c`;

const REFUNDED = `(refunded_at IS NOT NULL OR clawed_back_amount > 0 AND EXISTS (
  SELECT FROM conversion_events v WHERE v.program_id = c.program_id AND v.id = c.conversion_id AND v.refunded_amount > 0))`;

const EARNINGS = `count(*) FILTER (WHERE status <> 'cancelled') AS commissions,
    sum(commission_amount) FILTER (WHERE status <> 'cancelled') AS amount,
    count(*) FILTER (WHERE ${REFUNDED}) AS refunds`;

const OF_POLICIES = `${EARNINGS}, count(*) FILTER (WHERE status IN ('confirmed', 'paid')) AS confirmed,
    sum(order_amount) FILTER (WHERE status <> 'cancelled') AS revenue
  FROM commissions c WHERE program_id = 'default' AND currency = 'USD' AND kind = 'earning' AND created_at >= $1 AND created_at < $2`;

const POLICIES = `
  SELECT p.id, p.name, f.* FROM (SELECT policy_id, ${OF_POLICIES} GROUP BY policy_id) AS f
  JOIN commission_policies p ON p.program_id = 'default' AND p.id = f.policy_id ORDER BY f.amount DESC, p.id`;

/** Each table grouped once. */
const PARTNERS = `
  SELECT p.id, p.name, p.tier, k.clicks, e.conversions, e.revenue, c.*
  FROM partners p
  LEFT JOIN (SELECT partner_id, count(*) AS clicks FROM referral_clicks
    WHERE program_id = 'default' AND status = 'valid' AND clicked_at >= $1 AND clicked_at < $2 GROUP BY 1) AS k ON k.partner_id = p.id
  LEFT JOIN (SELECT partner_id, count(*) AS conversions, sum(attributed_amount) AS revenue FROM conversion_events
    WHERE program_id = 'default' AND currency = 'USD' AND converted_at >= $1 AND converted_at < $2 GROUP BY 1) AS e ON e.partner_id = p.id
  LEFT JOIN (SELECT partner_id, ${EARNINGS} FROM commissions c
    WHERE program_id = 'default' AND currency = 'USD' AND kind = 'earning' AND created_at >= $1 AND created_at < $2 GROUP BY 1) AS c
    ON c.partner_id = p.id
  WHERE p.program_id = 'default' ORDER BY coalesce(c.amount, 0) DESC, p.id LIMIT 20`;

const CLICKS_OF_PARTNER = `SELECT count(*) AS clicks FROM referral_clicks
  WHERE program_id = 'default' AND status = 'valid' AND clicked_at >= $1 AND clicked_at < $2 AND partner_id = $3`;
const CONVERSIONS_OF_PARTNER = `SELECT count(*) AS conversions, sum(attributed_amount) AS revenue FROM conversion_events
  WHERE program_id = 'default' AND currency = 'USD' AND converted_at >= $1 AND converted_at < $2 AND partner_id = $3`;
const COMMISSIONS_OF_PARTNER = `SELECT ${EARNINGS} FROM commissions c
  WHERE program_id = 'default' AND currency = 'USD' AND kind = 'earning' AND created_at >= $1 AND created_at < $2 AND partner_id = $3`;

const inOne =
  (text: string): Computation =>
  (db, { from, to }) =>
    db.query(text, [from, to]);

/** A query for the list, then some for each of its entries, as ORMs invite to. */
const forEach =
  (list: string, queries: readonly string[]): PartialComputation =>
  async (db, { from, to }, everyNth) => {
    const found: unknown[] = [];
    const entries = await db.query<{ id: string }>(list);
    for (const { id } of entries.filter((_entry, index) => index % everyNth === 0)) {
      for (const query of queries) found.push(await db.query(query, [from, to, id]));
    }
    return found;
  };

const EVERY_PARTNER = `SELECT id FROM partners WHERE program_id = 'default' ORDER BY id`;
const OF_PARTNER = [CLICKS_OF_PARTNER, CONVERSIONS_OF_PARTNER, COMMISSIONS_OF_PARTNER];

/** What a dashboard is compared with: the definitions in one statement, and the same by a query for each entry. */
export const BY_SQL: Readonly<Record<string, { raw: Computation; nPlusOne: PartialComputation }>> = {
  funnel: { raw: inOne(FUNNEL), nPlusOne: forEach(EVERY_PARTNER, OF_PARTNER) },
  'policy-performance': {
    raw: inOne(POLICIES),
    nPlusOne: forEach(`SELECT id FROM commission_policies WHERE program_id = 'default' ORDER BY id`, [
      `SELECT ${OF_POLICIES} AND policy_id = $3`,
    ]),
  },
  'partner-tiers': { raw: inOne(PARTNERS), nPlusOne: forEach(EVERY_PARTNER, OF_PARTNER) },
};
