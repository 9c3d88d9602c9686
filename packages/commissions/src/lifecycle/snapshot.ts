import type { CommissionKind, CommissionStatus, Database } from '@tributary/schema';

import { isFew } from '../statement/few.ts';

/** What a decision about a commission looks at. Amounts are decimal text. */
export interface CommissionSnapshot {
  id: string;
  version: number;
  kind: CommissionKind;
  status: CommissionStatus;
  partnerId: string;
  conversionId: string | null;
  commissionAmount: string;
  clawedBackAmount: string;
  basisAmount: string;
  basisLeft: string;
  /** What is left of the order line now; the basis itself where there is no line. */
  lineLeft: string;
  currency: string;
  reviewHold: boolean;
  paymentHold: boolean;
}

// Not `= ANY($2)`, whose plan depends on the number of ids, so that Postgres would plan it anew every time.
const SNAPSHOT = `
  SELECT c.id, c.version, c.kind, c.status, c.partner_id, c.conversion_id, c.commission_amount, c.clawed_back_amount,
    c.basis_amount, c.basis_left, coalesce(l.amount - l.refunded_amount, c.basis_left) AS line_left, c.currency,
    c.review_hold, p.payment_hold
  FROM jsonb_to_recordset($2::jsonb) AS x(id uuid)
  JOIN commissions c ON c.program_id = $1 AND c.id = x.id
  JOIN partners p ON p.program_id = c.program_id AND p.id = c.partner_id
  LEFT JOIN conversion_events v ON v.program_id = c.program_id AND v.id = c.conversion_id
  LEFT JOIN order_lines l ON l.program_id = v.program_id AND l.id = v.order_line_id
  WHERE ${isFew('x.id')}`;

/** Reads commissions as they are now, in any order; those that do not exist are left out. */
export function readCommissions(
  db: Database,
  programId: string,
  ids: readonly string[],
): Promise<CommissionSnapshot[]> {
  return db.query<CommissionSnapshot>(SNAPSHOT, [programId, ids.map((id) => ({ id }))]);
}
