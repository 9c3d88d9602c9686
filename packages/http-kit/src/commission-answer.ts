import { COMMISSION_KINDS, COMMISSION_STATUSES, POLICY_TYPES } from '@tributary/schema';
import { z } from 'zod';
import { timestamp } from './answers.ts';
import { moneyAnswer } from './fields.ts';

/** A commission on the wire, whichever service answers it: what `commissionWire` of packages/commissions writes. */
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
