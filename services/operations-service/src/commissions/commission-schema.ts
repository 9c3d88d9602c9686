import { moneyAnswer, timestamp } from '@tributary/http-kit';
import { COMMISSION_ACTIONS, COMMISSION_KINDS, COMMISSION_STATUSES, POLICY_TYPES } from '@tributary/schema';
import { z } from 'zod';

/** A commission on the wire. */
export const commissionSchema = z.object({
  id: z.uuid(),
  kind: z.enum(COMMISSION_KINDS),
  partnerId: z.uuid(),
  productId: z.uuid().nullable(),
  policyId: z.uuid().nullable(),
  policyVersion: z.int().nullable(),
  policyType: z.enum(POLICY_TYPES).nullable(),
  conversionId: z.uuid().nullable(),
  originalCommissionId: z.uuid().nullable(),
  clawedBackAmount: moneyAnswer,
  reviewHold: z.boolean(),
  payoutId: z.uuid().nullable(),
  subId: z.string().nullable(),
  orderId: z.string().nullable(),
  referralCode: z.string().nullable(),
  status: z.enum(COMMISSION_STATUSES),
  commissionAmount: moneyAnswer,
  orderAmount: moneyAnswer,
  commissionRate: z.number().nullable(),
  currency: z.string(),
  holdUntil: timestamp.nullable(),
  paymentMethod: z.string().nullable(),
  paymentReference: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  version: z.int(),
  createdAt: timestamp,
  updatedAt: timestamp,
  confirmedAt: timestamp.nullable(),
  paidAt: timestamp.nullable(),
  cancelledAt: timestamp.nullable(),
  refundedAt: timestamp.nullable(),
});

/** One change of a commission, from `commission_entries`. */
const entrySchema = z.object({
  version: z.int(),
  action: z.enum(COMMISSION_ACTIONS),
  amountDelta: moneyAnswer,
  amountAfter: moneyAnswer,
  statusBefore: z.enum(COMMISSION_STATUSES).nullable(),
  statusAfter: z.enum(COMMISSION_STATUSES),
  reason: z.string().nullable(),
  reasonCode: z.string().nullable(),
  jobId: z.uuid().nullable(),
  actor: z.string(),
  at: timestamp,
});

/** A commission with the names behind its ids, the decision that priced it and every change since. */
export const commissionDetailSchema = commissionSchema.extend({
  partner: z.object({
    id: z.uuid(),
    name: z.string(),
    email: z.string(),
    tier: z.string(),
    status: z.string(),
  }),
  product: z.object({ id: z.uuid(), sku: z.string(), name: z.string() }).nullable(),
  policy: z.object({ id: z.uuid(), code: z.string(), name: z.string() }).nullable(),
  decision: z.record(z.string(), z.unknown()).nullable(),
  history: z.array(entrySchema),
});
