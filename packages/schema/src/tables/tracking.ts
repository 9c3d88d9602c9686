import { sql } from 'drizzle-orm';
import {
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
  ATTRIBUTION_MODELS,
  CLICK_SOURCES,
  CLICK_STATUSES,
  CONVERSION_STATUSES,
  type AttributionModel,
  type ClickSource,
  type ClickStatus,
  type ConversionStatus,
} from '../constants.ts';
import { partners, products } from './catalog.ts';
import { createdAt, id, isCurrency, isOneOf, moment, money, programId, updatedAt } from './columns.ts';

/** Buyers, known only by a keyed hash of the shop's reference. */
export const customers = pgTable(
  'customers',
  {
    id: id(),
    programId: programId(),
    refHash: text('ref_hash').notNull(),
    firstOrderAt: moment('first_order_at').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('customers_ref_hash_key').on(t.programId, t.refHash),
  ],
);

/** Clicks, partitioned by month of `clicked_at` (see the migrations). Nothing references them by foreign key. */
export const referralClicks = pgTable(
  'referral_clicks',
  {
    id: id(),
    programId: programId(),
    partnerId: uuid('partner_id'),
    productId: uuid('product_id'),
    referralCode: text('referral_code').notNull(),
    subId: text('sub_id'),
    landingUrl: text('landing_url'),
    referrer: text('referrer'),
    utmSource: text('utm_source'),
    utmMedium: text('utm_medium'),
    utmCampaign: text('utm_campaign'),
    source: text('source').$type<ClickSource>().notNull().default('unknown'),
    status: text('status').$type<ClickStatus>().notNull(),
    visitorHash: text('visitor_hash'),
    fingerprintHash: text('fingerprint_hash'),
    ipAnonymized: text('ip_anonymized'),
    userAgent: text('user_agent'),
    clickedAt: moment('clicked_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.clickedAt, t.id, t.programId] }),
    index('referral_clicks_id').on(t.id),
    index('referral_clicks_partner').on(t.programId, t.partnerId, t.clickedAt, t.id),
    index('referral_clicks_visitor')
      .on(t.programId, t.visitorHash, t.clickedAt)
      .where(sql`${t.visitorHash} IS NOT NULL`),
    index('referral_clicks_fingerprint')
      .on(t.programId, t.fingerprintHash, t.clickedAt)
      .where(sql`${t.fingerprintHash} IS NOT NULL`),
    index('referral_clicks_sub_id')
      .on(t.programId, t.subId, t.clickedAt, t.id)
      .where(sql`${t.subId} IS NOT NULL`),
    check('referral_clicks_status_check', isOneOf(t.status, CLICK_STATUSES)),
    check('referral_clicks_source_check', isOneOf(t.source, CLICK_SOURCES)),
    check('referral_clicks_partner_check', sql`${t.partnerId} IS NOT NULL OR ${t.status} <> 'valid'`),
  ],
);

/** Who is credited for an order and by which touches: decided once, with the order's first line. */
export interface OrderAttribution {
  model: AttributionModel;
  source: 'clicks' | 'referral_code';
  credits: {
    partnerId: string;
    weight: string;
    isPrimary: boolean;
    clickId: string | null;
    referralCode: string | null;
    subId: string | null;
    clickedAt: string | null;
  }[];
  path: { clickId: string; partnerId: string; clickedAt: string; weight: string }[];
}

export const orders = pgTable(
  'orders',
  {
    id: id(),
    programId: programId(),
    externalId: text('external_id').notNull(),
    customerId: uuid('customer_id'),
    isNewCustomer: boolean('is_new_customer').notNull().default(false),
    currency: text('currency').notNull(),
    amount: money('amount').notNull(),
    refundedAmount: money('refunded_amount').notNull().default('0'),
    attribution: jsonb('attribution').$type<OrderAttribution>().notNull(),
    placedAt: moment('placed_at').notNull(),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('orders_external_id_key').on(t.programId, t.externalId),
    index('orders_customer').on(t.programId, t.customerId, t.placedAt),
    foreignKey({
      name: 'orders_customer_id_fkey',
      columns: [t.programId, t.customerId],
      foreignColumns: [customers.programId, customers.id],
    }),
    check('orders_currency_check', isCurrency(t.currency)),
    check('orders_amount_check', sql`${t.amount} > 0 AND ${t.refundedAmount} BETWEEN 0 AND ${t.amount}`),
  ],
);

export const orderLines = pgTable(
  'order_lines',
  {
    id: id(),
    programId: programId(),
    orderId: uuid('order_id').notNull(),
    productId: uuid('product_id').notNull(),
    quantity: integer('quantity').notNull().default(1),
    amount: money('amount').notNull(),
    commissionableAmount: money('commissionable_amount').notNull(),
    /** Running total of refunds: the limit that concurrent refunds are tested against. */
    refundedAmount: money('refunded_amount').notNull().default('0'),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('order_lines_product_key').on(t.programId, t.orderId, t.productId),
    foreignKey({
      name: 'order_lines_order_id_fkey',
      columns: [t.programId, t.orderId],
      foreignColumns: [orders.programId, orders.id],
    }),
    foreignKey({
      name: 'order_lines_product_id_fkey',
      columns: [t.programId, t.productId],
      foreignColumns: [products.programId, products.id],
    }),
    check('order_lines_quantity_check', sql`${t.quantity} > 0`),
    check('order_lines_amount_check', sql`${t.amount} > 0 AND ${t.refundedAmount} BETWEEN 0 AND ${t.amount}`),
    check('order_lines_commissionable_check', sql`${t.commissionableAmount} BETWEEN 0 AND ${t.amount}`),
  ],
);

/** One row per order line and credited partner. */
export const conversionEvents = pgTable(
  'conversion_events',
  {
    id: id(),
    programId: programId(),
    orderRowId: uuid('order_row_id').notNull(),
    orderLineId: uuid('order_line_id').notNull(),
    /** The shop's own order id. */
    orderId: text('order_id').notNull(),
    partnerId: uuid('partner_id').notNull(),
    productId: uuid('product_id').notNull(),
    clickId: uuid('click_id'),
    referralCode: text('referral_code'),
    subId: text('sub_id'),
    attributionModel: text('attribution_model').$type<AttributionModel>().notNull(),
    attributionWeight: numeric('attribution_weight', { precision: 7, scale: 6 }).notNull(),
    attributionPath: jsonb('attribution_path').$type<OrderAttribution['path']>().notNull(),
    isPrimary: boolean('is_primary').notNull(),
    orderAmount: money('order_amount').notNull(),
    attributedAmount: money('attributed_amount').notNull(),
    quantity: integer('quantity').notNull(),
    currency: text('currency').notNull(),
    refundedAmount: money('refunded_amount').notNull().default('0'),
    isNewCustomer: boolean('is_new_customer').notNull(),
    status: text('status').$type<ConversionStatus>().notNull().default('pending'),
    idempotencyKey: text('idempotency_key').notNull(),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    /** Why no commission came of a confirmed conversion, in words. */
    noCommissionReason: text('no_commission_reason'),
    version: integer('version').notNull().default(1),
    clickedAt: moment('clicked_at'),
    convertedAt: moment('converted_at').notNull(),
    confirmedAt: moment('confirmed_at'),
    cancelledAt: moment('cancelled_at'),
    refundedAt: moment('refunded_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('conversion_events_idempotency_key').on(t.programId, t.idempotencyKey),
    uniqueIndex('conversion_events_line_partner_key').on(t.programId, t.orderLineId, t.partnerId),
    index('conversion_events_converted').on(t.programId, t.convertedAt, t.id),
    index('conversion_events_partner').on(t.programId, t.partnerId, t.convertedAt, t.id),
    index('conversion_events_product').on(t.programId, t.productId, t.convertedAt, t.id),
    index('conversion_events_order').on(t.programId, t.orderId),
    foreignKey({
      name: 'conversion_events_order_row_id_fkey',
      columns: [t.programId, t.orderRowId],
      foreignColumns: [orders.programId, orders.id],
    }),
    foreignKey({
      name: 'conversion_events_order_line_id_fkey',
      columns: [t.programId, t.orderLineId],
      foreignColumns: [orderLines.programId, orderLines.id],
    }),
    foreignKey({
      name: 'conversion_events_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    foreignKey({
      name: 'conversion_events_product_id_fkey',
      columns: [t.programId, t.productId],
      foreignColumns: [products.programId, products.id],
    }),
    check('conversion_events_status_check', isOneOf(t.status, CONVERSION_STATUSES)),
    check('conversion_events_model_check', isOneOf(t.attributionModel, ATTRIBUTION_MODELS)),
    check('conversion_events_weight_check', sql`${t.attributionWeight} > 0 AND ${t.attributionWeight} <= 1`),
    check('conversion_events_currency_check', isCurrency(t.currency)),
    check(
      'conversion_events_amounts_check',
      sql`${t.orderAmount} > 0 AND ${t.attributedAmount} >= 0 AND ${t.refundedAmount} >= 0 AND ${t.refundedAmount} <= ${t.orderAmount}`,
    ),
  ],
);

export const refunds = pgTable(
  'refunds',
  {
    id: id(),
    programId: programId(),
    orderRowId: uuid('order_row_id').notNull(),
    orderLineId: uuid('order_line_id').notNull(),
    /** The shop's refund id; null for a refund entered by an operator. */
    refundId: text('refund_id'),
    amount: money('amount').notNull(),
    currency: text('currency').notNull(),
    reason: text('reason').notNull(),
    reasonCode: text('reason_code'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('refunds_refund_id_key').on(t.programId, t.orderRowId, t.refundId),
    index('refunds_line').on(t.programId, t.orderLineId),
    foreignKey({
      name: 'refunds_order_row_id_fkey',
      columns: [t.programId, t.orderRowId],
      foreignColumns: [orders.programId, orders.id],
    }),
    foreignKey({
      name: 'refunds_order_line_id_fkey',
      columns: [t.programId, t.orderLineId],
      foreignColumns: [orderLines.programId, orderLines.id],
    }),
    check('refunds_amount_check', sql`${t.amount} > 0`),
    check('refunds_currency_check', isCurrency(t.currency)),
  ],
);
