import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import {
  COMMISSION_ACTIONS,
  COMMISSION_KINDS,
  COMMISSION_STATUSES,
  PAYOUT_STATUSES,
  REASON_CODES,
  type CommissionAction,
  type CommissionKind,
  type CommissionStatus,
  type PolicyType,
  type ReasonCode,
} from '../constants.ts';
import { commissionPolicies, partners, products } from './catalog.ts';
import { createdAt, id, isCurrency, isOneOf, moment, money, programId, updatedAt } from './columns.ts';
import { users } from './identity.ts';
import { conversionEvents } from './tracking.ts';

/** The group of commissions that one payment settles. */
export const payouts = pgTable(
  'payouts',
  {
    id: id(),
    programId: programId(),
    partnerId: uuid('partner_id').notNull(),
    currency: text('currency').notNull(),
    amount: money('amount').notNull(),
    method: text('method'),
    reference: text('reference'),
    status: text('status').notNull().default('open'),
    periodFrom: moment('period_from'),
    periodTo: moment('period_to'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    foreignKey({
      name: 'payouts_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    check('payouts_currency_check', isCurrency(t.currency)),
    check('payouts_status_check', isOneOf(t.status, PAYOUT_STATUSES)),
  ],
);

export const commissions = pgTable(
  'commissions',
  {
    id: id(),
    programId: programId(),
    kind: text('kind').$type<CommissionKind>().notNull().default('earning'),
    partnerId: uuid('partner_id').notNull(),
    productId: uuid('product_id'),
    policyId: uuid('policy_id'),
    policyVersion: integer('policy_version'),
    policyType: text('policy_type').$type<PolicyType>(),
    conversionId: uuid('conversion_id'),
    originalCommissionId: uuid('original_commission_id'),
    orderId: text('order_id'),
    referralCode: text('referral_code'),
    subId: text('sub_id'),
    status: text('status').$type<CommissionStatus>().notNull(),
    commissionAmount: money('commission_amount').notNull(),
    /** Running total of what was clawed back: the limit that concurrent claw-backs are tested against. */
    clawedBackAmount: money('clawed_back_amount').notNull().default('0'),
    /** The attributed commissionable amount that was priced. */
    orderAmount: money('order_amount').notNull(),
    /** The amount at creation or the last adjustment, and what was then left of the order: partial refunds are computed from these. */
    basisAmount: money('basis_amount').notNull(),
    basisLeft: money('basis_left').notNull(),
    commissionRate: numeric('commission_rate', { precision: 9, scale: 6 }),
    currency: text('currency').notNull(),
    holdUntil: moment('hold_until'),
    reviewHold: boolean('review_hold').notNull().default(false),
    paymentMethod: text('payment_method'),
    paymentReference: text('payment_reference'),
    payoutId: uuid('payout_id'),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    confirmedAt: moment('confirmed_at'),
    paidAt: moment('paid_at'),
    cancelledAt: moment('cancelled_at'),
    refundedAt: moment('refunded_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('commissions_conversion_key')
      .on(t.programId, t.conversionId)
      .where(sql`${t.kind} = 'earning'`),
    index('commissions_created').on(t.programId, t.createdAt, t.id),
    // The migrations add what a balance sums (INCLUDE), which Drizzle cannot say; that of entries likewise.
    index('commissions_partner').on(t.programId, t.partnerId, t.createdAt, t.id),
    index('commissions_policy').on(t.programId, t.policyId, t.createdAt, t.id),
    index('commissions_status').on(t.programId, t.status, t.createdAt, t.id),
    index('commissions_kind')
      .on(t.programId, t.kind, t.createdAt, t.id)
      .where(sql`${t.kind} <> 'earning'`),
    // A programme is in one currency, mostly in this, and few rows are in another: only those are found by it.
    index('commissions_currency')
      .on(t.programId, t.currency, t.createdAt, t.id)
      .where(sql`${t.currency} <> 'USD'`),
    index('commissions_amount').on(t.programId, t.commissionAmount, t.id),
    index('commissions_confirmed')
      .on(t.programId, t.confirmedAt, t.id)
      .where(sql`${t.confirmedAt} IS NOT NULL`),
    index('commissions_paid')
      .on(t.programId, t.paidAt, t.id)
      .where(sql`${t.paidAt} IS NOT NULL`),
    // What a partner was paid in an hour, when the night pays thousands of partners in one.
    index('commissions_partner_paid')
      .on(t.programId, t.partnerId, t.paidAt)
      .where(sql`${t.paidAt} IS NOT NULL`),
    index('commissions_due')
      .on(t.programId, t.holdUntil, t.id)
      .where(sql`${t.status} = 'pending' AND NOT ${t.reviewHold}`),
    // Whatever was refunded, at any moment, is among these; what else is asked of them is told without a look at the rows.
    index('commissions_refunded')
      .on(t.programId, t.createdAt, t.id, t.partnerId, t.policyId, t.status, t.currency)
      .where(sql`${t.refundedAt} IS NOT NULL OR ${t.clawedBackAmount} > 0`),
    index('commissions_original')
      .on(t.programId, t.originalCommissionId)
      .where(sql`${t.originalCommissionId} IS NOT NULL`),
    index('commissions_order_id_search').using('gin', t.orderId.op('gin_trgm_ops')),
    index('commissions_referral_code_search').using('gin', t.referralCode.op('gin_trgm_ops')),
    foreignKey({
      name: 'commissions_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    foreignKey({
      name: 'commissions_product_id_fkey',
      columns: [t.programId, t.productId],
      foreignColumns: [products.programId, products.id],
    }),
    foreignKey({
      name: 'commissions_policy_id_fkey',
      columns: [t.programId, t.policyId],
      foreignColumns: [commissionPolicies.programId, commissionPolicies.id],
    }),
    foreignKey({
      name: 'commissions_conversion_id_fkey',
      columns: [t.programId, t.conversionId],
      foreignColumns: [conversionEvents.programId, conversionEvents.id],
    }),
    foreignKey({
      name: 'commissions_original_commission_id_fkey',
      columns: [t.programId, t.originalCommissionId],
      foreignColumns: [t.programId, t.id],
    }),
    foreignKey({
      name: 'commissions_payout_id_fkey',
      columns: [t.programId, t.payoutId],
      foreignColumns: [payouts.programId, payouts.id],
    }),
    check('commissions_kind_check', isOneOf(t.kind, COMMISSION_KINDS)),
    check('commissions_status_check', isOneOf(t.status, COMMISSION_STATUSES)),
    check('commissions_currency_check', isCurrency(t.currency)),
    check(
      'commissions_amount_check',
      sql`CASE ${t.kind} WHEN 'clawback' THEN ${t.commissionAmount} < 0 WHEN 'bonus' THEN ${t.commissionAmount} > 0 OR ${t.version} > 1 ELSE ${t.commissionAmount} >= 0 END`,
    ),
    check(
      'commissions_clawed_back_check',
      sql`${t.clawedBackAmount} >= 0 AND ${t.clawedBackAmount} <= greatest(${t.commissionAmount}, 0)`,
    ),
    check(
      'commissions_origin_check',
      sql`CASE ${t.kind} WHEN 'earning' THEN ${t.conversionId} IS NOT NULL WHEN 'clawback' THEN ${t.originalCommissionId} IS NOT NULL ELSE TRUE END`,
    ),
    check(
      'commissions_paid_check',
      sql`${t.status} <> 'paid' OR (${t.paidAt} IS NOT NULL AND ${t.paymentMethod} IS NOT NULL AND ${t.paymentReference} IS NOT NULL)`,
    ),
  ],
);

/** One row per change of a commission, append-only: what was true at any past moment is a sum over it. */
export const commissionEntries = pgTable(
  'commission_entries',
  {
    programId: programId(),
    commissionId: uuid('commission_id').notNull(),
    version: integer('version').notNull(),
    partnerId: uuid('partner_id').notNull(),
    kind: text('kind').$type<CommissionKind>().notNull(),
    currency: text('currency').notNull(),
    action: text('action').$type<CommissionAction>().notNull(),
    amountDelta: money('amount_delta').notNull(),
    amountAfter: money('amount_after').notNull(),
    statusBefore: text('status_before').$type<CommissionStatus>(),
    statusAfter: text('status_after').$type<CommissionStatus>().notNull(),
    reason: text('reason'),
    reasonCode: text('reason_code').$type<ReasonCode>(),
    refundId: uuid('refund_id'),
    payoutId: uuid('payout_id'),
    jobId: uuid('job_id'),
    actor: text('actor').notNull(),
    at: moment('at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.commissionId, t.version] }),
    index('commission_entries_partner').on(t.programId, t.partnerId, t.at),
    foreignKey({
      name: 'commission_entries_commission_id_fkey',
      columns: [t.programId, t.commissionId],
      foreignColumns: [commissions.programId, commissions.id],
    }),
    check('commission_entries_kind_check', isOneOf(t.kind, COMMISSION_KINDS)),
    check('commission_entries_currency_check', isCurrency(t.currency)),
    check('commission_entries_status_before_check', isOneOf(t.statusBefore, COMMISSION_STATUSES)),
    check('commission_entries_status_after_check', isOneOf(t.statusAfter, COMMISSION_STATUSES)),
    check('commission_entries_action_check', isOneOf(t.action, COMMISSION_ACTIONS)),
    check('commission_entries_reason_code_check', isOneOf(t.reasonCode, REASON_CODES)),
  ],
);

/** One field of an audited change, named as on the wire. */
export interface AuditChange {
  field: string;
  oldValue: unknown;
  newValue: unknown;
}

/** Who changed what, when and from where: append-only. */
export const auditLogs = pgTable(
  'audit_logs',
  {
    id: id(),
    programId: programId(),
    entityType: text('entity_type').notNull(),
    entityId: text('entity_id').notNull(),
    action: text('action').notNull(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    actor: text('actor').notNull(),
    changes: jsonb('changes').$type<AuditChange[]>().notNull().default([]),
    reason: text('reason'),
    reasonCode: text('reason_code'),
    ipAddress: text('ip_address'),
    userAgent: text('user_agent'),
    requestId: text('request_id'),
    jobId: uuid('job_id'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    index('IDX_audit_logs_entity').on(t.entityType, t.entityId),
    index('IDX_audit_logs_user').on(t.userId),
    // NULLS FIRST, as `ORDER BY created_at DESC` means: with Drizzle's NULLS LAST no such query could use it.
    index('IDX_audit_logs_created').on(t.createdAt.desc().nullsFirst()),
    index('IDX_audit_logs_action').on(t.action),
  ],
);

/** First 2xx answers by Idempotency-Key, written by the statement of the effect; kept 24 hours. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    programId: programId(),
    principal: text('principal').notNull(),
    method: text('method').notNull(),
    path: text('path').notNull(),
    key: text('key').notNull(),
    bodyHash: text('body_hash').notNull(),
    status: integer('status').notNull(),
    answer: jsonb('answer').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({
      name: 'idempotency_keys_pkey',
      columns: [t.programId, t.principal, t.method, t.path, t.key],
    }),
    index('idempotency_keys_created').on(t.createdAt),
  ],
);

/** Named leases with a fencing token: who may do what only one process may do at a time. */
export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  token: bigint('token', { mode: 'bigint' }).notNull(),
  expiresAt: moment('expires_at').notNull(),
});
