import { z } from 'zod';

import { defineEvent } from '../definition.ts';
import { currencySchema, idSchema, instantSchema, moneySchema } from '../envelope.ts';
import { exampleIds } from './example-ids.ts';

const CONVERSION_EVENT_STATUSES = [
  'pending',
  'confirmed',
  'partial_refund',
  'refunded',
  'cancelled',
] as const;
const ATTRIBUTION_EVENT_MODELS = [
  'last_touch',
  'first_touch',
  'linear',
  'time_decay',
  'position_based',
] as const;

const stateSchema = z.object({ status: z.enum(CONVERSION_EVENT_STATUSES), refundedAmount: moneySchema });

/** One credited partner's row of an order line, complete enough that a reader needs no query. */
export const conversionDataSchema = z.object({
  before: stateSchema.nullable(),
  after: stateSchema,
  conversionId: idSchema,
  partnerId: idSchema,
  productId: idSchema,
  orderId: z.string(),
  clickId: idSchema.nullable(),
  referralCode: z.string().nullable(),
  subId: z.string().nullable(),
  currency: currencySchema,
  orderAmount: moneySchema,
  attributedAmount: moneySchema,
  refundedAmount: moneySchema,
  quantity: z.number(),
  isPrimary: z.boolean(),
  isNewCustomer: z.boolean().nullable(),
  attributionModel: z.enum(ATTRIBUTION_EVENT_MODELS),
  attributionWeight: z.number(),
  convertedAt: instantSchema,
  reason: z.string().nullish(),
  reasonCode: z.string().nullish(),
  /** The shop's id of the refund that this event books; only in `conversion.refunded`. */
  refundId: z.string().nullish(),
  refundAmount: moneySchema.nullish(),
});

type ConversionData = z.output<typeof conversionDataSchema>;

const recorded: ConversionData = {
  before: null,
  after: { status: 'pending', refundedAmount: 0 },
  conversionId: exampleIds.conversion,
  partnerId: exampleIds.partner,
  productId: exampleIds.product,
  orderId: 'SO-10421',
  clickId: exampleIds.click,
  referralCode: 'SUMMER24',
  subId: 'newsletter-7',
  currency: 'USD',
  orderAmount: 129.9,
  attributedAmount: 129.9,
  refundedAmount: 0,
  quantity: 1,
  isPrimary: true,
  isNewCustomer: true,
  attributionModel: 'last_touch',
  attributionWeight: 1,
  convertedAt: '2026-03-02T10:00:00.000Z',
};

function conversionEvent(description: string, change: Partial<ConversionData> = {}) {
  return defineEvent({
    stream: 'CONVERSIONS',
    version: 1,
    description,
    partnerVisible: true,
    dataSchema: conversionDataSchema,
    example: {
      subject: { conversionId: exampleIds.conversion, partnerId: exampleIds.partner },
      data: { ...recorded, ...change },
    },
  });
}

export const conversionEvents = {
  'conversion.recorded': conversionEvent('A sale was credited to a partner.'),
  'conversion.confirmed': conversionEvent('The shop confirmed the sale; its commission follows.', {
    before: recorded.after,
    after: { status: 'confirmed', refundedAmount: 0 },
  }),
  'conversion.cancelled': conversionEvent('The sale was cancelled, and its unpaid commissions with it.', {
    before: recorded.after,
    after: { status: 'cancelled', refundedAmount: 0 },
    reason: 'Customer cancelled before shipping',
    reasonCode: 'order_cancelled',
  }),
  'conversion.refunded': conversionEvent('Part or all of the sale was refunded.', {
    before: { status: 'confirmed', refundedAmount: 0 },
    after: { status: 'partial_refund', refundedAmount: 29.9 },
    refundedAmount: 29.9,
    reason: 'One of two returned',
    reasonCode: 'order_returned',
    refundId: 'R-77',
    refundAmount: 29.9,
  }),
};
