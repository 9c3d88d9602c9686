import type { CommissionKind, CommissionStatus, PolicyType, ReasonCode } from '@tributary/schema';

import type { ContextPlaceholders, Parameters } from './parameters.ts';
import { auditInsert, outboxInsert } from './records.ts';
import { commissionEventData, commissionWire, instant } from './wire.ts';

/** A commission to be written. Amounts are decimal text; `action` names what its entry, audit row and event say. */
export interface NewCommission {
  id: string;
  kind: CommissionKind;
  action: 'created' | 'clawed_back';
  partnerId: string;
  productId: string | null;
  policyId: string | null;
  policyVersion: number | null;
  policyType: PolicyType | null;
  conversionId: string | null;
  originalCommissionId: string | null;
  orderId: string | null;
  referralCode: string | null;
  subId: string | null;
  status: CommissionStatus;
  amount: string;
  orderAmount: string;
  /** What is left of the order line at this moment: partial refunds are computed from it. */
  basisLeft: string;
  /** Part of the line was refunded before: it counts as refunded from the beginning. */
  isRefunded?: boolean;
  rate: string | null;
  currency: string;
  holdUntil: string | null;
  metadata: Record<string, unknown>;
  reason: string | null;
  reasonCode: ReasonCode | null;
}

const toRecord = (commission: NewCommission): Record<string, unknown> => ({
  id: commission.id,
  kind: commission.kind,
  action: commission.action,
  partner_id: commission.partnerId,
  product_id: commission.productId,
  policy_id: commission.policyId,
  policy_version: commission.policyVersion,
  policy_type: commission.policyType,
  conversion_id: commission.conversionId,
  original_commission_id: commission.originalCommissionId,
  order_id: commission.orderId,
  referral_code: commission.referralCode,
  sub_id: commission.subId,
  status: commission.status,
  amount: commission.amount,
  order_amount: commission.orderAmount,
  basis_left: commission.basisLeft,
  is_refunded: commission.isRefunded,
  rate: commission.rate,
  currency: commission.currency,
  hold_until: commission.holdUntil,
  metadata: commission.metadata,
  reason: commission.reason,
  reason_code: commission.reasonCode,
});

const RECORD = `id uuid, kind text, action text, partner_id uuid, product_id uuid, policy_id uuid, policy_version int,
    policy_type text, conversion_id uuid, original_commission_id uuid, order_id text, referral_code text, sub_id text,
    status text, amount numeric, order_amount numeric, basis_left numeric, is_refunded boolean, rate numeric, currency text,
    hold_until timestamptz, metadata jsonb, reason text, reason_code text, shop_refund_id text, refund_amount numeric`;

const FIELDS = `jsonb_build_array(
      jsonb_build_object('field', 'status', 'oldValue', NULL, 'newValue', r.status),
      jsonb_build_object('field', 'commissionAmount', 'oldValue', NULL, 'newValue', r.commission_amount))`;

/** The CTEs that write new commissions (`created`) with one entry, one audit row and one event each (`created_events`). */
export function newCommissions(
  parameters: Parameters,
  c: ContextPlaceholders,
  commissions: readonly NewCommission[],
): string[] {
  const records = parameters.add(commissions.map(toRecord), 'jsonb');
  return [
    `new_commission AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${records}) AS x(${RECORD}))`,
    `inserted AS (
    INSERT INTO commissions (id, program_id, kind, partner_id, product_id, policy_id, policy_version, policy_type,
      conversion_id, original_commission_id, order_id, referral_code, sub_id, status, commission_amount, order_amount,
      basis_amount, basis_left, commission_rate, currency, hold_until, metadata, created_at, updated_at, confirmed_at,
      refunded_at)
    SELECT x.id, ${c.programId}, x.kind, x.partner_id, x.product_id, x.policy_id, x.policy_version, x.policy_type,
      x.conversion_id, x.original_commission_id, x.order_id, x.referral_code, x.sub_id, x.status, x.amount, x.order_amount,
      x.amount, x.basis_left, x.rate, x.currency, x.hold_until, x.metadata, ${c.now}, ${c.now},
      CASE WHEN x.status = 'confirmed' THEN ${c.now} END, CASE WHEN x.is_refunded THEN ${c.now} END
    FROM new_commission x RETURNING *)`,
    `created AS (
    SELECT i.*, x.action AS done, x.reason, x.reason_code, x.shop_refund_id, x.refund_amount
    FROM inserted i JOIN new_commission x ON x.id = i.id)`,
    `created_entries AS (
    INSERT INTO commission_entries (program_id, commission_id, version, partner_id, kind, currency, action, amount_delta,
      amount_after, status_before, status_after, reason, reason_code, job_id, actor, at)
    SELECT r.program_id, r.id, r.version, r.partner_id, r.kind, r.currency, r.done, r.commission_amount,
      r.commission_amount, NULL, r.status, r.reason, r.reason_code, ${c.jobId}, ${c.actorName}, ${c.now} FROM created r)`,
    auditInsert(c, 'created_audit', {
      entityType: `'commission'`,
      entityId: 'r.id::text',
      action: 'r.done',
      changes: FIELDS,
      reason: 'r.reason',
      reasonCode: 'r.reason_code',
      from: 'created r',
    }),
    outboxInsert(c, 'created_events', {
      type: `'commission.' || r.done`,
      subject: `jsonb_build_object('commissionId', r.id, 'partnerId', r.partner_id)`,
      data: commissionEventData('r', 'r', 'NULL', `(SELECT ${instant(c.now)})`),
      from: 'created r',
    }),
  ];
}

/** As CREATED_ON_WIRE, and with them the earnings of lines that had been recorded before (`repeated`, an array of their ids). */
export const createdOnWire = (c: ContextPlaceholders, repeated?: string): string =>
  repeated === undefined
    ? CREATED_ON_WIRE
    : `(SELECT coalesce(json_agg(w.wire ORDER BY w.id), '[]'::json) FROM (
    SELECT ${commissionWire('r')} AS wire, r.id FROM created r UNION ALL
    SELECT ${commissionWire('e')}, e.id FROM conversion_events v
    JOIN commissions e ON e.program_id = v.program_id AND e.conversion_id = v.id AND e.kind = 'earning'
    WHERE v.program_id = ${c.programId} AND v.order_line_id = ANY(${repeated})) w)`;

/** The commissions that were written as a JSON array of what the wire shows. */
export const CREATED_ON_WIRE = `(SELECT coalesce(json_agg(${commissionWire('r')} ORDER BY r.id), '[]'::json) FROM created r)`;
