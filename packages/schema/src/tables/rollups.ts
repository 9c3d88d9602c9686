import { sql } from 'drizzle-orm';
import { bigint, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import type { ClickSource, ClickStatus } from '../constants.ts';
import { moment, money, programId } from './columns.ts';

/** Valid clicks by hour (UTC) and partner, counted by the statement that stores the clicks. */
export const rollupClickHours = pgTable(
  'rollup_click_hours',
  {
    programId: programId(),
    hour: moment('hour').notNull(),
    partnerId: uuid('partner_id').notNull(),
    validClicks: integer('valid_clicks').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.hour, t.partnerId] }),
    index('rollup_click_hours_partner').on(t.programId, t.partnerId, t.hour),
  ],
);

/** The same by day (UTC), kept by a trigger on the hours: sums of them, for long ranges. */
export const rollupClickDays = pgTable(
  'rollup_click_days',
  {
    programId: programId(),
    day: moment('day').notNull(),
    partnerId: uuid('partner_id').notNull(),
    validClicks: integer('valid_clicks').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.day, t.partnerId] }),
    index('rollup_click_days_partner').on(t.programId, t.partnerId, t.day),
  ],
);

/** The same by hour (UTC) of the whole programme, kept by the same trigger: for figures that name no partner. */
export const rollupProgramClickHours = pgTable(
  'rollup_program_click_hours',
  {
    programId: programId(),
    hour: moment('hour').notNull(),
    validClicks: integer('valid_clicks').notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.programId, t.hour] })],
);

/** All clicks by day (UTC), partner, status and source, kept by a trigger on the clicks: for statistics over long ranges. */
export const rollupClickStatDays = pgTable(
  'rollup_click_stat_days',
  {
    programId: programId(),
    day: moment('day').notNull(),
    /** All zeros for clicks of nobody's code. */
    partnerId: uuid('partner_id').notNull(),
    status: text('status').$type<ClickStatus>().notNull(),
    source: text('source').$type<ClickSource>().notNull(),
    clicks: integer('clicks').notNull().default(0),
  },
  (t) => [
    primaryKey({
      name: 'rollup_click_stat_days_pk',
      columns: [t.programId, t.day, t.partnerId, t.status, t.source],
    }),
    index('rollup_click_stat_days_partner').on(t.programId, t.partnerId, t.day),
  ],
);

const earningColumns = () => ({
  pendingCount: integer('pending_count').notNull().default(0),
  confirmedCount: integer('confirmed_count').notNull().default(0),
  paidCount: integer('paid_count').notNull().default(0),
  cancelledCount: integer('cancelled_count').notNull().default(0),
  refundCount: integer('refund_count').notNull().default(0),
  /** Sum of earnings that are not cancelled. */
  earningsAmount: money('earnings_amount').notNull().default('0'),
  /** Sum of the order amounts of earnings that are not cancelled. */
  earningsOrderAmount: money('earnings_order_amount').notNull().default('0'),
});

const partnerColumns = () => ({
  /** All of the partner's conversion rows, by converted_at. */
  conversions: integer('conversions').notNull().default(0),
  primaryConversions: integer('primary_conversions').notNull().default(0),
  revenue: money('revenue').notNull().default('0'),
  ...earningColumns(),
  /** What is pending and what is confirmed now, of the earnings created in this hour. */
  pendingAmount: money('pending_amount').notNull().default('0'),
  confirmedAmount: money('confirmed_amount').notNull().default('0'),
  /** Earnings paid in this hour, by paid_at. */
  paidAmount: money('paid_amount').notNull().default('0'),
  clawedBackAmount: money('clawed_back_amount').notNull().default('0'),
  bonusAmount: money('bonus_amount').notNull().default('0'),
  /** Claw-backs of this hour that are confirmed and not yet set off, as a positive amount. */
  clawbackOpenAmount: money('clawback_open_amount').notNull().default('0'),
});

/** Conversions and commissions by hour (UTC), partner and currency; recomputed from the base tables when dirty. */
export const rollupPartnerHours = pgTable(
  'rollup_partner_hours',
  {
    programId: programId(),
    hour: moment('hour').notNull(),
    partnerId: uuid('partner_id').notNull(),
    currency: text('currency').notNull(),
    ...partnerColumns(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.currency, t.hour, t.partnerId] }),
    index('rollup_partner_hours_partner').on(t.programId, t.partnerId, t.hour),
  ],
);

/** The same by day (UTC): sums of the hours, for long ranges. */
export const rollupPartnerDays = pgTable(
  'rollup_partner_days',
  {
    programId: programId(),
    day: moment('day').notNull(),
    partnerId: uuid('partner_id').notNull(),
    currency: text('currency').notNull(),
    ...partnerColumns(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.currency, t.day, t.partnerId] }),
    index('rollup_partner_days_partner').on(t.programId, t.partnerId, t.day),
  ],
);

/** The same by hour (UTC) of the whole programme: sums of the partners' hours, for figures that name no partner. */
export const rollupProgramHours = pgTable(
  'rollup_program_hours',
  {
    programId: programId(),
    hour: moment('hour').notNull(),
    currency: text('currency').notNull(),
    ...partnerColumns(),
  },
  (t) => [primaryKey({ columns: [t.programId, t.currency, t.hour] })],
);

/** How far the rollups are: `version` grows with every change of a rollup, `asOf` is up to when all changes are in them. */
export const rollupProgress = pgTable('rollup_progress', {
  programId: programId().primaryKey(),
  version: bigint('version', { mode: 'bigint' })
    .notNull()
    .default(sql`0`),
  asOf: moment('as_of'),
  /** By which definition of the figures all of the rollups were computed: those of the release before are behind. */
  definition: integer('definition').notNull().default(0),
});

/** Earnings by hour (UTC), policy and currency. */
export const rollupPolicyHours = pgTable(
  'rollup_policy_hours',
  {
    programId: programId(),
    hour: moment('hour').notNull(),
    policyId: uuid('policy_id').notNull(),
    currency: text('currency').notNull(),
    ...earningColumns(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.currency, t.hour, t.policyId] }),
    index('rollup_policy_hours_policy').on(t.programId, t.policyId, t.hour),
  ],
);

/** The same by day (UTC): sums of the hours, for long ranges. */
export const rollupPolicyDays = pgTable(
  'rollup_policy_days',
  {
    programId: programId(),
    day: moment('day').notNull(),
    policyId: uuid('policy_id').notNull(),
    currency: text('currency').notNull(),
    ...earningColumns(),
  },
  (t) => [primaryKey({ columns: [t.programId, t.currency, t.day, t.policyId] })],
);

/** Primary conversions by hour (UTC), product and currency. */
export const rollupProductHours = pgTable(
  'rollup_product_hours',
  {
    programId: programId(),
    hour: moment('hour').notNull(),
    productId: uuid('product_id').notNull(),
    currency: text('currency').notNull(),
    conversions: integer('conversions').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.currency, t.hour, t.productId] }),
    index('rollup_product_hours_product').on(t.programId, t.productId, t.hour),
  ],
);

/** The same by day (UTC): sums of the hours, for long ranges. */
export const rollupProductDays = pgTable(
  'rollup_product_days',
  {
    programId: programId(),
    day: moment('day').notNull(),
    productId: uuid('product_id').notNull(),
    currency: text('currency').notNull(),
    conversions: integer('conversions').notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.programId, t.currency, t.day, t.productId] })],
);
