import { moneyAnswer, timestamp } from '@tributary/http-kit';
import {
  ATTRIBUTION_MODELS,
  COMMISSION_KINDS,
  COMMISSION_STATUSES,
  CONVERSION_STATUSES,
  POLICY_TYPES,
} from '@tributary/schema';
import { z } from 'zod';

const touch = z.object({ clickId: z.uuid(), partnerId: z.uuid(), clickedAt: timestamp, weight: z.string() });

/** A conversion on the wire. A partner sees its own steps of the path, and no metadata, which is the shop's. */
export const conversionSchema = z.object({
  id: z.uuid(),
  orderId: z.string(),
  partnerId: z.uuid(),
  productId: z.uuid(),
  clickId: z.uuid().nullable(),
  referralCode: z.string().nullable(),
  subId: z.string().nullable(),
  attributionModel: z.enum(ATTRIBUTION_MODELS),
  attributionWeight: z.number(),
  attributionPath: z.array(touch),
  isPrimary: z.boolean(),
  orderAmount: moneyAnswer,
  attributedAmount: moneyAnswer,
  quantity: z.int(),
  currency: z.string(),
  refundedAmount: moneyAnswer,
  isNewCustomer: z.boolean(),
  status: z.enum(CONVERSION_STATUSES),
  noCommissionReason: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  version: z.int(),
  clickedAt: timestamp.nullable(),
  convertedAt: timestamp,
  confirmedAt: timestamp.nullable(),
  cancelledAt: timestamp.nullable(),
  refundedAt: timestamp.nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
});

/** A commission on the wire. Partners see neither its decision nor who at the programme changed it. */
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

/** What recording, confirming and cancelling answer: all rows of the order lines concerned. */
export const settledSchema = z.object({
  conversions: z.array(conversionSchema),
  commissions: z.array(commissionSchema),
});

export const refundedSchema = z.object({
  conversion: conversionSchema,
  commission: commissionSchema.nullable(),
  clawbacks: z.array(commissionSchema),
});
