import type { CommissionAction, CommissionStatus, ReasonCode } from '@tributary/schema';

import type { ContextPlaceholders, Parameters } from './parameters.ts';
import { auditInsert, outboxInsert } from './records.ts';
import { isFew } from './few.ts';
import { commissionEventData } from './wire.ts';

/**
 * One decided change of an existing commission. It holds for exactly the `version` that it was decided on: the statement
 * changes nothing where the row has moved on. Fields left out stay as they are. Amounts are decimal text.
 */
export interface CommissionChange {
  id: string;
  version: number;
  action: CommissionAction;
  status?: CommissionStatus;
  amount?: string;
  basisAmount?: string;
  basisLeft?: string;
  reviewHold?: boolean;
  paymentMethod?: string;
  paymentReference?: string;
  payoutId?: string;
  /** Merged over the metadata. */
  metadata?: Record<string, unknown>;
  /** Appended to `metadata.adjustmentHistory`. */
  adjustment?: Record<string, unknown>;
  reason?: string;
  reasonCode?: ReasonCode;
  refundId?: string;
  shopRefundId?: string;
  refundAmount?: string;
}

/** Columns of `change`. */
export const CHANGE_COLUMNS = `id uuid, version int, action text, status text, amount numeric, basis_amount numeric,
    basis_left numeric, review_hold boolean, payment_method text, payment_reference text, payout_id uuid, metadata jsonb,
    adjustment jsonb, reason text, reason_code text, refund_id uuid, shop_refund_id text, refund_amount numeric`;

export const changeRecord = (change: CommissionChange): Record<string, unknown> => ({
  id: change.id,
  version: change.version,
  action: change.action,
  status: change.status,
  amount: change.amount,
  basis_amount: change.basisAmount,
  basis_left: change.basisLeft,
  review_hold: change.reviewHold,
  payment_method: change.paymentMethod,
  payment_reference: change.paymentReference,
  payout_id: change.payoutId,
  metadata: change.metadata,
  adjustment: change.adjustment,
  reason: change.reason,
  reason_code: change.reasonCode,
  refund_id: change.refundId,
  shop_refund_id: change.shopRefundId,
  refund_amount: change.refundAmount,
});

/** The CTE `change` from changes that were decided in TypeScript. */
export function decidedChanges(parameters: Parameters, changes: readonly CommissionChange[]): string {
  const records = parameters.add(changes.map(changeRecord), 'jsonb');
  return `change AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(${records}) AS x(${CHANGE_COLUMNS}) WHERE ${isFew('x.id')})`;
}

/**
 * The CTE `change` for batch confirmation: pending commissions whose hold has passed, not under review, in the order of
 * their holds, passing by what someone else holds locked.
 */
export function dueConfirmations(
  parameters: Parameters,
  c: ContextPlaceholders,
  { limit, except }: { readonly limit: number; readonly except: readonly string[] },
): string {
  const rows = parameters.add(limit, 'int');
  const others = except.length === 0 ? '' : ` AND NOT id = ANY(${parameters.add([...except], 'uuid[]')})`;
  return `change AS MATERIALIZED (
    SELECT id, version, 'confirmed'::text AS action, 'confirmed'::text AS status, NULL::numeric AS amount,
      NULL::numeric AS basis_amount, NULL::numeric AS basis_left, NULL::boolean AS review_hold,
      NULL::text AS payment_method, NULL::text AS payment_reference, NULL::uuid AS payout_id, NULL::jsonb AS metadata,
      NULL::jsonb AS adjustment, NULL::text AS reason, NULL::text AS reason_code, NULL::uuid AS refund_id,
      NULL::text AS shop_refund_id, NULL::numeric AS refund_amount
    FROM commissions
    WHERE program_id = ${c.programId} AND status = 'pending' AND NOT review_hold AND hold_until <= ${c.now}${others}
    ORDER BY hold_until, id LIMIT ${rows} FOR NO KEY UPDATE SKIP LOCKED)`;
}

/** Rows are locked in the order of their ids before any is changed: unordered groups on hot rows deadlock. */
const LOCKED = (c: ContextPlaceholders, ids: string, skip: string) => `locked AS MATERIALIZED (
    SELECT c.id FROM commissions c JOIN ${ids} x ON x.id = c.id
    WHERE c.program_id = ${c.programId} ORDER BY c.id FOR NO KEY UPDATE OF c ${skip})`;

/** True; makes whoever asks wait until `locked` is done. */
export const AFTER_LOCKS = '(SELECT count(*) FROM locked) >= 0';

/** The one fact of another row that a change depends on: looked at again, and only where something is paid. */
const MAY_BE_PAID = `(x.status IS DISTINCT FROM 'paid' OR NOT (
        SELECT p.payment_hold FROM partners p WHERE p.program_id = c.program_id AND p.id = c.partner_id))`;

const CHANGED = (c: ContextPlaceholders, locks: string, returned: string) => `changed AS (
    UPDATE commissions c SET
      status = coalesce(x.status, c.status),
      commission_amount = coalesce(x.amount, c.commission_amount),
      basis_amount = coalesce(x.basis_amount, c.basis_amount),
      basis_left = coalesce(x.basis_left, c.basis_left),
      review_hold = coalesce(x.review_hold, c.review_hold),
      payment_method = coalesce(x.payment_method, c.payment_method),
      payment_reference = coalesce(x.payment_reference, c.payment_reference),
      payout_id = coalesce(x.payout_id, c.payout_id),
      metadata = CASE WHEN x.adjustment IS NULL THEN c.metadata
        ELSE jsonb_set(c.metadata, '{adjustmentHistory}',
          coalesce(c.metadata -> 'adjustmentHistory', '[]'::jsonb) || jsonb_build_array(x.adjustment)) END
        || coalesce(x.metadata, '{}'::jsonb),
      version = c.version + 1,
      updated_at = ${c.now},
      confirmed_at = CASE WHEN x.status = 'confirmed' THEN ${c.now} ELSE c.confirmed_at END,
      paid_at = CASE WHEN x.status = 'paid' THEN ${c.now} ELSE c.paid_at END,
      cancelled_at = CASE WHEN x.status = 'cancelled' THEN ${c.now} ELSE c.cancelled_at END,
      refunded_at = CASE WHEN x.action = 'refunded' THEN ${c.now} ELSE c.refunded_at END
    FROM change x
    WHERE c.program_id = ${c.programId} AND c.id = x.id AND c.version = x.version
      AND ${MAY_BE_PAID} AND ${locks}
    RETURNING c.*, x.action AS done, x.reason, x.reason_code, x.refund_id, x.shop_refund_id, x.refund_amount,
      old.status AS old_status, old.commission_amount AS old_amount, old.review_hold AS old_review_hold,
      old.payment_method AS old_payment_method, old.payment_reference AS old_payment_reference${returned})`;

const CHANGED_FIELDS = `(SELECT coalesce(jsonb_agg(jsonb_build_object('field', f.name, 'oldValue', f.was, 'newValue', f.now)), '[]'::jsonb)
      FROM (VALUES
        ('status', to_jsonb(r.old_status), to_jsonb(r.status)),
        ('commissionAmount', to_jsonb(r.old_amount), to_jsonb(r.commission_amount)),
        ('reviewHold', to_jsonb(r.old_review_hold), to_jsonb(r.review_hold)),
        ('paymentMethod', to_jsonb(r.old_payment_method), to_jsonb(r.payment_method)),
        ('paymentReference', to_jsonb(r.old_payment_reference), to_jsonb(r.payment_reference))
      ) AS f(name, was, now) WHERE f.was IS DISTINCT FROM f.now)`;

export interface ChangeOptions {
  /** A CTE of commissions that the statement changes otherwise, to be locked in the same order. */
  alsoLocked?: string;
  /**
   * `wait` for rows that somebody holds locked (default), `skip` them, so that they are not changed, or `none` where
   * `change` has locked its rows itself.
   */
  locks?: 'wait' | 'skip' | 'none';
  /** Columns of `change` that are wanted in `changed`: `, x.a, x.b`. */
  returned?: string;
}

/**
 * The CTEs that carry out `change`: the rows (`changed`), one entry, one audit row and one event each (`changed_events`).
 * Needs `source`, the CTE named `change`.
 */
export function commissionChanges(
  c: ContextPlaceholders,
  source: string,
  { alsoLocked, locks = 'wait', returned = '' }: ChangeOptions = {},
): string[] {
  const ids =
    alsoLocked === undefined ? 'change' : `(SELECT id FROM change UNION ALL SELECT id FROM ${alsoLocked})`;
  const skips = locks === 'skip';
  return [
    source,
    ...(locks === 'none' ? [] : [LOCKED(c, ids, skips ? 'SKIP LOCKED' : '')]),
    CHANGED(c, { wait: AFTER_LOCKS, skip: 'x.id IN (SELECT id FROM locked)', none: 'true' }[locks], returned),
    `changed_entries AS (
    INSERT INTO commission_entries (program_id, commission_id, version, partner_id, kind, currency, action, amount_delta,
      amount_after, status_before, status_after, reason, reason_code, refund_id, payout_id, job_id, actor, at)
    SELECT r.program_id, r.id, r.version, r.partner_id, r.kind, r.currency, r.done, r.commission_amount - r.old_amount,
      r.commission_amount, r.old_status, r.status, r.reason, r.reason_code, r.refund_id, r.payout_id, ${c.jobId},
      ${c.actorName}, ${c.now} FROM changed r)`,
    auditInsert(c, 'changed_audit', {
      entityType: `'commission'`,
      entityId: 'r.id::text',
      action: 'r.done',
      changes: CHANGED_FIELDS,
      reason: 'r.reason',
      reasonCode: 'r.reason_code',
      from: 'changed r',
    }),
    outboxInsert(c, 'changed_events', {
      type: `'commission.' || r.done`,
      subject: `jsonb_build_object('commissionId', r.id, 'partnerId', r.partner_id)`,
      data: commissionEventData(
        'r',
        'r',
        `jsonb_build_object('status', r.old_status, 'commissionAmount', r.old_amount)`,
      ),
      from: 'changed r',
    }),
  ];
}
