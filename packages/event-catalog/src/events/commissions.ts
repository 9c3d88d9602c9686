import { z } from 'zod';

import { defineEvent } from '../definition.ts';
import { currencySchema, idSchema, instantSchema, moneySchema } from '../envelope.ts';
import { exampleIds } from './example-ids.ts';

const COMMISSION_EVENT_STATUSES = ['pending', 'confirmed', 'paid', 'cancelled'] as const;
const COMMISSION_EVENT_KINDS = ['earning', 'clawback', 'bonus'] as const;
export const POLICY_EVENT_TYPES = ['percentage', 'fixed', 'tiered'] as const;

const stateSchema = z.object({ status: z.enum(COMMISSION_EVENT_STATUSES), commissionAmount: moneySchema });

/** A commission before and after one change, complete enough that a reader needs no query. */
export const commissionDataSchema = z.object({
  /** Null when the event is the commission's creation. */
  before: stateSchema.nullable(),
  after: stateSchema,
  commissionId: idSchema,
  version: z.int().min(1),
  kind: z.enum(COMMISSION_EVENT_KINDS),
  partnerId: idSchema,
  policyId: idSchema.nullable(),
  policyVersion: z.int().nullable(),
  policyType: z.enum(POLICY_EVENT_TYPES).nullable(),
  productId: idSchema.nullable(),
  conversionId: idSchema.nullable(),
  originalCommissionId: idSchema.nullable(),
  orderId: z.string().nullable(),
  subId: z.string().nullable(),
  referralCode: z.string().nullable(),
  currency: currencySchema,
  orderAmount: moneySchema.nullable(),
  createdAt: instantSchema,
  confirmedAt: instantSchema.nullable(),
  paidAt: instantSchema.nullable(),
  holdUntil: instantSchema.nullable(),
  reason: z.string().nullish(),
  reasonCode: z.string().nullish(),
  /** Whether a reviewer holds it back from batch confirmation. */
  reviewHold: z.boolean().nullish(),
  paymentMethod: z.string().nullish(),
  paymentReference: z.string().nullish(),
  payoutId: idSchema.nullish(),
  /** The shop's id of the refund that changed it, where it gave one. */
  refundId: z.string().nullish(),
  refundAmount: moneySchema.nullish(),
  /** Total clawed back from the original so far, this claw-back included. */
  clawedBackAmount: moneySchema.nullish(),
});

type CommissionData = z.output<typeof commissionDataSchema>;

const created: CommissionData = {
  before: null,
  after: { status: 'pending', commissionAmount: 12.99 },
  commissionId: exampleIds.commission,
  version: 1,
  kind: 'earning',
  partnerId: exampleIds.partner,
  policyId: exampleIds.policy,
  policyVersion: 1,
  policyType: 'percentage',
  productId: exampleIds.product,
  conversionId: exampleIds.conversion,
  originalCommissionId: null,
  orderId: 'SO-10421',
  subId: 'newsletter-7',
  referralCode: 'SUMMER24',
  currency: 'USD',
  orderAmount: 129.9,
  createdAt: '2026-03-02T10:00:01.000Z',
  confirmedAt: null,
  paidAt: null,
  holdUntil: '2026-03-09T10:00:01.000Z',
};

const confirmed: Partial<CommissionData> = {
  before: created.after,
  after: { status: 'confirmed', commissionAmount: 12.99 },
  version: 2,
  confirmedAt: '2026-03-10T02:00:00.000Z',
};

function commissionEvent(description: string, change: Partial<CommissionData> = {}) {
  const data = { ...created, ...change };
  return defineEvent({
    stream: 'COMMISSIONS',
    version: 1,
    description,
    partnerVisible: true,
    dataSchema: commissionDataSchema,
    example: { subject: { commissionId: data.commissionId, partnerId: exampleIds.partner }, data },
  });
}

export const commissionEvents = {
  'commission.created': commissionEvent(
    'A commission came into being: earned by a sale, or a bonus given by hand.',
  ),
  'commission.confirmed': commissionEvent(
    'Its hold has passed, or an admin confirmed it: it will be paid.',
    confirmed,
  ),
  'commission.adjusted': commissionEvent('An admin changed its amount.', {
    before: created.after,
    after: { status: 'pending', commissionAmount: 15 },
    version: 2,
    reason: 'Agreed for the launch week',
    reasonCode: 'negotiated',
  }),
  'commission.held': commissionEvent('It was put under review and is passed by in batch confirmation.', {
    before: created.after,
    version: 2,
    reviewHold: true,
    reason: 'Unusual order pattern',
    reasonCode: 'fraud',
  }),
  'commission.released': commissionEvent('The review ended; it can be confirmed again.', {
    before: created.after,
    version: 3,
    reviewHold: false,
    reason: 'Order checked with the shop',
    reasonCode: 'other',
  }),
  'commission.refunded': commissionEvent(
    'A refund reduced it, or ended it when nothing of the line was left.',
    {
      before: created.after,
      after: { status: 'pending', commissionAmount: 10 },
      version: 2,
      reason: 'One of two returned',
      reasonCode: 'order_returned',
      refundId: 'R-77',
      refundAmount: 29.9,
    },
  ),
  'commission.cancelled': commissionEvent('It will not be paid.', {
    before: created.after,
    after: { status: 'cancelled', commissionAmount: 12.99 },
    version: 2,
    reason: 'Order placed by the partner',
    reasonCode: 'policy_violation',
  }),
  'commission.paid': commissionEvent('It was paid.', {
    ...confirmed,
    before: { status: 'confirmed', commissionAmount: 12.99 },
    after: { status: 'paid', commissionAmount: 12.99 },
    version: 3,
    paidAt: '2026-03-31T12:00:00.000Z',
    paymentMethod: 'bank_transfer',
    paymentReference: 'TX-2026-03-118',
  }),
  'commission.clawed_back': commissionEvent(
    'Part or all of a paid commission is taken back by a new commission of negative amount, which this event describes.',
    {
      after: { status: 'confirmed', commissionAmount: -12.99 },
      commissionId: exampleIds.clawback,
      kind: 'clawback',
      originalCommissionId: exampleIds.commission,
      confirmedAt: '2026-04-02T08:30:00.000Z',
      createdAt: '2026-04-02T08:30:00.000Z',
      holdUntil: null,
      reason: 'Goods returned after payment',
      reasonCode: 'order_returned',
      clawedBackAmount: 12.99,
    },
  ),
};
