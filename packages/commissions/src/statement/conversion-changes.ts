import type { ConversionStatus, ReasonCode } from '@tributary/schema';

import type { ContextPlaceholders, Parameters } from './parameters.ts';
import { auditInsert, outboxInsert } from './records.ts';
import { conversionEventData, conversionWire } from './wire.ts';

export type ConversionAction = 'confirmed' | 'cancelled' | 'refunded';

/** One decided change of an existing conversion, for exactly the version it was decided on. Amounts are decimal text. */
export interface ConversionChange {
  id: string;
  version: number;
  action: ConversionAction;
  status: ConversionStatus;
  refundedAmount?: string;
  noCommissionReason?: string;
  reason?: string;
  reasonCode?: ReasonCode;
  shopRefundId?: string;
  refundAmount?: string;
}

const toRecord = (change: ConversionChange): Record<string, unknown> => ({
  id: change.id,
  version: change.version,
  action: change.action,
  status: change.status,
  refunded_amount: change.refundedAmount,
  no_commission_reason: change.noCommissionReason,
  reason: change.reason,
  reason_code: change.reasonCode,
  shop_refund_id: change.shopRefundId,
  refund_amount: change.refundAmount,
});

const CHANGED_FIELDS = `(SELECT coalesce(jsonb_agg(jsonb_build_object('field', f.name, 'oldValue', f.was, 'newValue', f.now)), '[]'::jsonb)
      FROM (VALUES
        ('status', to_jsonb(r.old_status), to_jsonb(r.status)),
        ('refundedAmount', to_jsonb(r.old_refunded), to_jsonb(r.refunded_amount))
      ) AS f(name, was, now) WHERE f.was IS DISTINCT FROM f.now)`;

/**
 * The CTEs that change conversions (`conversion_changed`) with one audit row and one event each
 * (`conversion_changed_events`). `after` is a condition on an earlier CTE, so that rows are always locked line first.
 */
export function conversionChanges(
  parameters: Parameters,
  c: ContextPlaceholders,
  changes: readonly ConversionChange[],
  after = 'true',
): string[] {
  const records = parameters.add(changes.map(toRecord), 'jsonb');
  return [
    `conversion_change AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${records}) AS x(id uuid, version int, action text,
      status text, refunded_amount numeric, no_commission_reason text, reason text, reason_code text, shop_refund_id text,
      refund_amount numeric))`,
    `conversion_locked AS MATERIALIZED (
    SELECT v.id FROM conversion_events v JOIN conversion_change x ON x.id = v.id
    WHERE v.program_id = ${c.programId} AND ${after} ORDER BY v.id FOR NO KEY UPDATE OF v)`,
    `conversion_changed AS (
    UPDATE conversion_events v SET status = x.status, version = v.version + 1, updated_at = ${c.now},
      refunded_amount = coalesce(x.refunded_amount, v.refunded_amount),
      no_commission_reason = coalesce(x.no_commission_reason, v.no_commission_reason),
      confirmed_at = CASE WHEN x.action = 'confirmed' THEN ${c.now} ELSE v.confirmed_at END,
      cancelled_at = CASE WHEN x.action = 'cancelled' THEN ${c.now} ELSE v.cancelled_at END,
      refunded_at = CASE WHEN x.action = 'refunded' THEN ${c.now} ELSE v.refunded_at END
    FROM conversion_change x
    WHERE v.program_id = ${c.programId} AND v.id = x.id AND v.version = x.version
      AND (SELECT count(*) FROM conversion_locked) >= 0
    RETURNING v.*, x.action AS done, x.reason, x.reason_code, x.shop_refund_id, x.refund_amount,
      old.status AS old_status, old.refunded_amount AS old_refunded)`,
    auditInsert(c, 'conversion_changed_audit', {
      entityType: `'conversion'`,
      entityId: 'r.id::text',
      action: 'r.done',
      changes: CHANGED_FIELDS,
      reason: 'r.reason',
      reasonCode: 'r.reason_code',
      from: 'conversion_changed r',
    }),
    outboxInsert(c, 'conversion_changed_events', {
      type: `'conversion.' || r.done`,
      subject: `jsonb_build_object('conversionId', r.id, 'partnerId', r.partner_id)`,
      data: conversionEventData(
        'r',
        'r',
        `jsonb_build_object('status', r.old_status, 'refundedAmount', r.old_refunded)`,
      ),
      from: 'conversion_changed r',
    }),
  ];
}

/** The changed conversions as a JSON array, the primary one first. */
export const CONVERSIONS_CHANGED_ON_WIRE = `(SELECT coalesce(json_agg(${conversionWire('r')}
    ORDER BY r.is_primary DESC, r.id), '[]'::json) FROM conversion_changed r)`;
