import { commissionWire, instant } from '@tributary/commissions';
import type { Database } from '@tributary/schema';

/** An entry on the wire, from the row `e`. */
const ENTRY_WIRE = `json_build_object('version', e.version, 'action', e.action, 'amountDelta', e.amount_delta,
    'amountAfter', e.amount_after, 'statusBefore', e.status_before, 'statusAfter', e.status_after, 'reason', e.reason,
    'reasonCode', e.reason_code, 'jobId', e.job_id, 'actor', e.actor, 'at', ${instant('e.at')})`;

const HISTORY = `(SELECT coalesce(json_agg(${ENTRY_WIRE} ORDER BY e.version), '[]'::json)
    FROM commission_entries e WHERE e.program_id = c.program_id AND e.commission_id = c.id)`;

/** The claw-backs of `c`, each a commission of its own, from its first entry. */
const CLAWBACKS = `(SELECT coalesce(json_agg(json_build_object('id', k.id, 'commissionAmount', k.commission_amount,
      'status', k.status, 'reason', e.reason, 'reasonCode', e.reason_code, 'actor', e.actor, 'at', ${instant('e.at')})
      ORDER BY k.created_at, k.id), '[]'::json)
    FROM commissions k
    JOIN commission_entries e ON e.program_id = k.program_id AND e.commission_id = k.id AND e.version = 1
    WHERE k.program_id = c.program_id AND k.original_commission_id = c.id)`;

// The wire object is json, which has no `||`: its text and that of what is added are joined at their braces.
const DETAIL = `
  SELECT left(${commissionWire('c')}::text, -1) || ', ' || substr(json_build_object(
      'partner', json_build_object('id', p.id, 'name', p.name, 'email', p.email, 'tier', p.tier, 'status', p.status),
      'product', CASE WHEN d.id IS NOT NULL THEN json_build_object('id', d.id, 'sku', d.sku, 'name', d.name) END,
      'policy', CASE WHEN y.id IS NOT NULL THEN json_build_object('id', y.id, 'code', y.code, 'name', y.name) END,
      'decision', c.metadata -> 'decision',
      'history', ${HISTORY}, 'clawbacks', ${CLAWBACKS})::text, 2) AS detail
  FROM commissions c
  JOIN partners p ON p.program_id = c.program_id AND p.id = c.partner_id
  LEFT JOIN products d ON d.program_id = c.program_id AND d.id = c.product_id
  LEFT JOIN commission_policies y ON y.program_id = c.program_id AND y.id = c.policy_id
  WHERE c.program_id = $1 AND c.id = $2`;

/** The JSON text of a commission with the names behind its ids, its decision, its history and its claw-backs. */
export async function findCommissionDetail(
  db: Pick<Database, 'query'>,
  programId: string,
  id: string,
): Promise<string | undefined> {
  const [row] = await db.query<{ detail: string }>(DETAIL, [programId, id]);
  return row?.detail;
}
