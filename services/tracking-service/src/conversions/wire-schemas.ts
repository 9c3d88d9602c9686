import { commissionSchema, moneyAnswer, timestamp } from '@tributary/http-kit';
import { ATTRIBUTION_MODELS, CONVERSION_STATUSES } from '@tributary/schema';
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
