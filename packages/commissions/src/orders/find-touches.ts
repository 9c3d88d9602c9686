import type { Database } from '@tributary/schema';

import type { Touch } from '../attribution/index.ts';

/** A click as a conversion may name it. */
export interface NamedClick {
  readonly id: string;
  readonly partnerId: string | null;
}

const CLICKS = 'SELECT id, partner_id FROM referral_clicks WHERE program_id = $1 AND id = ANY($2::uuid[])';

/** Those of some clicks that exist, by their ids. */
export async function findNamedClicks(
  db: Pick<Database, 'query'>,
  programId: string,
  clickIds: readonly string[],
): Promise<Map<string, NamedClick>> {
  if (clickIds.length === 0) return new Map();
  const clicks = await db.query<NamedClick>(CLICKS, [programId, [...clickIds]]);
  return new Map(clicks.map((click) => [click.id, click]));
}

/** By what the touches of one order are found. */
export interface TouchQuery {
  readonly clickId: string | undefined;
  readonly sessionHash: string | undefined;
  readonly customerRefHash: string | undefined;
  /** Both inclusive. */
  readonly from: Date;
  readonly to: Date;
}

/** A customer's visitors change with their devices; what an old order was led by is beyond any window anyway. */
export const EARLIER_ORDERS = 50;

const TOUCH = 'c.id, c.partner_id, c.clicked_at, c.referral_code, c.sub_id';

/**
 * A look-up of its own for each row before it. `OFFSET 0` keeps the planner from joining instead: it takes the few ids and
 * visitors for thousands, and would read every click of the window, all partners' thirty days, for one order.
 */
const clicksBy = (condition: string): string => `CROSS JOIN LATERAL (
      SELECT id, partner_id, clicked_at, referral_code, sub_id, status, visitor_hash, fingerprint_hash
      FROM referral_clicks WHERE program_id = $1 AND ${condition} OFFSET 0) c`;

const IN_WINDOW = 'clicked_at BETWEEN q.window_from AND q.window_to';

/**
 * Clicks are found by their ids first (the one named, those that led to the customer's earlier orders), then by the
 * visitors behind them. A named duplicate that was recognised by its fingerprint alone leads to the click that it repeats.
 */
const TOUCHES = `
  SELECT q.n::int AS n, t.id AS click_id, t.partner_id, t.clicked_at, t.referral_code, t.sub_id
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[]) WITH ORDINALITY
    AS q(click_id, session_hash, customer_ref_hash, window_from, window_to, n)
  CROSS JOIN LATERAL (
    WITH earlier_order AS (
      SELECT o.attribution FROM customers k JOIN orders o ON o.program_id = k.program_id AND o.customer_id = k.id
      WHERE k.program_id = $1 AND k.ref_hash = q.customer_ref_hash ORDER BY o.placed_at DESC LIMIT ${EARLIER_ORDERS}),
    known_click AS (
      SELECT q.click_id AS id WHERE q.click_id IS NOT NULL
      UNION SELECT (step ->> 'clickId')::uuid FROM earlier_order, jsonb_array_elements(attribution -> 'path') AS step),
    source_click AS (
      SELECT c.* FROM known_click k ${clicksBy('id = k.id')}),
    visitor AS (
      SELECT q.session_hash AS hash WHERE q.session_hash IS NOT NULL
      UNION SELECT visitor_hash FROM source_click WHERE visitor_hash IS NOT NULL)
    SELECT ${TOUCH} FROM visitor v ${clicksBy(`visitor_hash = v.hash AND ${IN_WINDOW}`)}
    WHERE c.status = 'valid'
    UNION
    SELECT ${TOUCH} FROM source_click c WHERE c.status = 'valid' AND c.${IN_WINDOW}
    UNION
    SELECT ${TOUCH} FROM source_click d ${clicksBy(`fingerprint_hash = d.fingerprint_hash AND ${IN_WINDOW}`)}
    WHERE d.id = q.click_id AND d.status = 'duplicate' AND c.referral_code = d.referral_code AND c.status = 'valid') t`;

/** The valid clicks that each of some orders may be credited to, in the order of the queries. */
export async function findTouches(
  db: Pick<Database, 'query'>,
  programId: string,
  queries: readonly TouchQuery[],
): Promise<Touch[][]> {
  const found: Touch[][] = queries.map(() => []);
  if (queries.length === 0) return found;
  const rows = await db.query<Touch & { n: number }>(TOUCHES, [
    programId,
    queries.map(({ clickId }) => clickId ?? null),
    queries.map(({ sessionHash }) => sessionHash ?? null),
    queries.map(({ customerRefHash }) => customerRefHash ?? null),
    queries.map(({ from }) => from),
    queries.map(({ to }) => to),
  ]);
  for (const { n, ...touch } of rows) found[n - 1]?.push(touch);
  return found;
}
