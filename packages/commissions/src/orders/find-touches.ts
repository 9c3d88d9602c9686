import type { Database } from '@tributary/schema';

import type { Touch } from '../attribution/index.ts';

/** A click as a conversion may name it. */
export interface NamedClick {
  readonly id: string;
  readonly partnerId: string | null;
}

const CLICK = 'SELECT id, partner_id FROM referral_clicks WHERE program_id = $1 AND id = $2';

export async function findNamedClick(
  db: Pick<Database, 'query'>,
  programId: string,
  clickId: string,
): Promise<NamedClick | undefined> {
  const [click] = await db.query<NamedClick>(CLICK, [programId, clickId]);
  return click;
}

export interface TouchQuery {
  readonly programId: string;
  readonly clickId: string | undefined;
  readonly sessionHash: string | undefined;
  readonly customerRefHash: string | undefined;
  /** Both inclusive. */
  readonly from: Date;
  readonly to: Date;
}

/** A customer's visitors change with their devices; what an old order was led by is beyond any window anyway. */
const EARLIER_ORDERS = 50;

/**
 * Clicks are found by their ids first (the one named, those that led to the customer's earlier orders), then by the
 * visitors behind them. A named duplicate that was recognised by its fingerprint alone leads to the click that it repeats.
 */
const TOUCHES = `
  WITH earlier_order AS (
    SELECT o.attribution FROM customers k JOIN orders o ON o.program_id = k.program_id AND o.customer_id = k.id
    WHERE k.program_id = $1 AND k.ref_hash = $4 ORDER BY o.placed_at DESC LIMIT ${EARLIER_ORDERS}),
  known_click AS (
    SELECT $2::uuid AS id WHERE $2::uuid IS NOT NULL
    UNION SELECT (step ->> 'clickId')::uuid FROM earlier_order, jsonb_array_elements(attribution -> 'path') AS step),
  source_click AS (
    SELECT c.* FROM known_click k JOIN referral_clicks c ON c.id = k.id AND c.program_id = $1),
  visitor AS (
    SELECT $3::text AS hash WHERE $3::text IS NOT NULL
    UNION SELECT visitor_hash FROM source_click WHERE visitor_hash IS NOT NULL),
  touch AS (
    SELECT c.id, c.partner_id, c.clicked_at, c.referral_code, c.sub_id
    FROM visitor v JOIN referral_clicks c ON c.program_id = $1 AND c.visitor_hash = v.hash
    WHERE c.status = 'valid' AND c.clicked_at BETWEEN $5 AND $6
    UNION
    SELECT c.id, c.partner_id, c.clicked_at, c.referral_code, c.sub_id FROM source_click c
    WHERE c.status = 'valid' AND c.clicked_at BETWEEN $5 AND $6
    UNION
    SELECT c.id, c.partner_id, c.clicked_at, c.referral_code, c.sub_id
    FROM source_click d JOIN referral_clicks c ON c.program_id = $1 AND c.fingerprint_hash = d.fingerprint_hash
      AND c.referral_code = d.referral_code
    WHERE d.id = $2 AND d.status = 'duplicate' AND c.status = 'valid' AND c.clicked_at BETWEEN $5 AND $6)
  SELECT id AS click_id, partner_id, clicked_at, referral_code, sub_id FROM touch`;

/** The valid clicks that an order may be credited to. */
export function findTouches(db: Pick<Database, 'query'>, query: TouchQuery): Promise<Touch[]> {
  const { programId, clickId = null, sessionHash = null, customerRefHash = null, from, to } = query;
  return db.query<Touch>(TOUCHES, [programId, clickId, sessionHash, customerRefHash, from, to]);
}
