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
  CATALOG_STATUSES,
  PARTNER_STATUSES,
  PARTNER_TIERS,
  POLICY_STATUSES,
  POLICY_TYPES,
  type CatalogStatus,
  type PartnerStatus,
  type PartnerTier,
  type PolicyStatus,
  type PolicyType,
} from '../constants.ts';
import { createdAt, id, isCurrency, isOneOf, moment, money, programId, updatedAt } from './columns.ts';

export const partners = pgTable(
  'partners',
  {
    id: id(),
    programId: programId(),
    name: text('name').notNull(),
    email: text('email').notNull(),
    externalId: text('external_id'),
    tier: text('tier').$type<PartnerTier>().notNull().default('bronze'),
    status: text('status').$type<PartnerStatus>().notNull().default('active'),
    paymentHold: boolean('payment_hold').notNull().default(false),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('partners_email_key').on(t.programId, sql`lower(${t.email})`),
    uniqueIndex('partners_external_id_key').on(t.programId, t.externalId),
    index('partners_created').on(t.programId, t.createdAt, t.id),
    check('partners_tier_check', isOneOf(t.tier, PARTNER_TIERS)),
    check('partners_status_check', isOneOf(t.status, PARTNER_STATUSES)),
  ],
);

export const referralCodes = pgTable(
  'referral_codes',
  {
    id: id(),
    programId: programId(),
    code: text('code').notNull(),
    partnerId: uuid('partner_id').notNull(),
    isDefault: boolean('is_default').notNull().default(false),
    status: text('status').$type<CatalogStatus>().notNull().default('active'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('referral_codes_code_key').on(t.programId, sql`lower(${t.code})`),
    uniqueIndex('referral_codes_default_key')
      .on(t.programId, t.partnerId)
      .where(sql`${t.isDefault}`),
    foreignKey({
      name: 'referral_codes_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    check('referral_codes_code_check', sql`${t.code} ~ '^[A-Za-z0-9_-]{4,20}$'`),
    check('referral_codes_status_check', isOneOf(t.status, CATALOG_STATUSES)),
  ],
);

export const products = pgTable(
  'products',
  {
    id: id(),
    programId: programId(),
    sku: text('sku').notNull(),
    name: text('name').notNull(),
    category: text('category'),
    tags: text('tags').array().notNull().default([]),
    supplierId: text('supplier_id'),
    price: money('price').notNull(),
    currency: text('currency').notNull(),
    status: text('status').$type<CatalogStatus>().notNull().default('active'),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('products_sku_key').on(t.programId, t.sku),
    index('products_created').on(t.programId, t.createdAt, t.id),
    check('products_price_check', sql`${t.price} >= 0`),
    check('products_currency_check', isCurrency(t.currency)),
    check('products_status_check', isOneOf(t.status, CATALOG_STATUSES)),
  ],
);

export const commissionPolicies = pgTable(
  'commission_policies',
  {
    id: id(),
    programId: programId(),
    code: text('code').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    status: text('status').$type<PolicyStatus>().notNull().default('active'),
    priority: integer('priority').notNull().default(0),
    /** The newest version written; the one in force is the latest whose effective_from has come. */
    currentVersion: integer('current_version').notNull().default(1),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('commission_policies_code_key').on(t.programId, t.code),
    index('commission_policies_created').on(t.programId, t.createdAt, t.id),
    check('commission_policies_status_check', isOneOf(t.status, POLICY_STATUSES)),
  ],
);

/** One band of a tiered policy: `minAmount` inclusive; a rate in percent or an amount. */
export interface PolicyTierBand {
  minAmount: number;
  maxAmount?: number;
  rate?: number;
  amount?: number;
}

/** A policy's terms. Never edited in place: a change of terms is the next version. */
export const commissionPolicyVersions = pgTable(
  'commission_policy_versions',
  {
    programId: programId(),
    policyId: uuid('policy_id').notNull(),
    version: integer('version').notNull(),
    effectiveFrom: moment('effective_from').notNull().defaultNow(),
    type: text('type').$type<PolicyType>().notNull(),
    rate: numeric('rate', { precision: 9, scale: 6 }),
    amount: money('amount'),
    tiers: jsonb('tiers').$type<PolicyTierBand[]>(),
    currency: text('currency'),
    partnerId: uuid('partner_id'),
    partnerTier: text('partner_tier').$type<PartnerTier>(),
    productId: uuid('product_id'),
    supplierId: text('supplier_id'),
    category: text('category'),
    tags: text('tags').array(),
    minCommission: money('min_commission'),
    maxCommission: money('max_commission'),
    minOrderAmount: money('min_order_amount'),
    maxOrderAmount: money('max_order_amount'),
    requiresNewCustomer: boolean('requires_new_customer').notNull().default(false),
    validFrom: moment('valid_from'),
    validUntil: moment('valid_until'),
    maxUsageTotal: integer('max_usage_total'),
    maxUsagePerPartner: integer('max_usage_per_partner'),
    holdDays: integer('hold_days').notNull().default(7),
    stackable: boolean('stackable').notNull().default(false),
    exclusiveWith: text('exclusive_with').array().notNull().default([]),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.policyId, t.version] }),
    foreignKey({
      name: 'commission_policy_versions_policy_id_fkey',
      columns: [t.programId, t.policyId],
      foreignColumns: [commissionPolicies.programId, commissionPolicies.id],
    }),
    foreignKey({
      name: 'commission_policy_versions_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    foreignKey({
      name: 'commission_policy_versions_product_id_fkey',
      columns: [t.programId, t.productId],
      foreignColumns: [products.programId, products.id],
    }),
    check('policy_versions_type_check', isOneOf(t.type, POLICY_TYPES)),
    check('policy_versions_rate_check', sql`${t.rate} BETWEEN 0 AND 100`),
    check('policy_versions_hold_check', sql`${t.holdDays} BETWEEN 0 AND 3650`),
    check(
      'policy_versions_terms_check',
      sql`CASE ${t.type} WHEN 'percentage' THEN ${t.rate} IS NOT NULL WHEN 'fixed' THEN ${t.amount} IS NOT NULL ELSE ${t.tiers} IS NOT NULL END`,
    ),
    check(
      'policy_versions_amounts_check',
      sql`least(${t.amount}, ${t.minCommission}, ${t.maxCommission}, ${t.minOrderAmount}, ${t.maxOrderAmount}) >= 0`,
    ),
    check('policy_versions_currency_check', isCurrency(t.currency)),
  ],
);

/** How often a policy with a usage limit was used: in all (`partner_id` null) and by each partner. Rows exist for limited policies only. */
export const policyUsage = pgTable(
  'policy_usage',
  {
    programId: programId(),
    policyId: uuid('policy_id').notNull(),
    partnerId: uuid('partner_id'),
    used: integer('used').notNull().default(0),
  },
  (t) => [
    uniqueIndex('policy_usage_total_key')
      .on(t.programId, t.policyId)
      .where(sql`${t.partnerId} IS NULL`),
    uniqueIndex('policy_usage_partner_key')
      .on(t.programId, t.policyId, t.partnerId)
      .where(sql`${t.partnerId} IS NOT NULL`),
    foreignKey({
      name: 'policy_usage_policy_id_fkey',
      columns: [t.programId, t.policyId],
      foreignColumns: [commissionPolicies.programId, commissionPolicies.id],
    }),
    foreignKey({
      name: 'policy_usage_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    check('policy_usage_used_check', sql`${t.used} >= 0`),
  ],
);

/**
 * A row per commission and policy that was stacked on it, written by a trigger: a policy's own earnings are found by their
 * `policy_id`, these are not. What is counted when the policy gets its first usage limit.
 */
export const policyStackedUses = pgTable(
  'policy_stacked_uses',
  {
    programId: programId(),
    policyId: uuid('policy_id').notNull(),
    usedAt: moment('used_at').notNull(),
    commissionId: uuid('commission_id').notNull(),
    partnerId: uuid('partner_id').notNull(),
  },
  (t) => [primaryKey({ columns: [t.programId, t.policyId, t.usedAt, t.commissionId] })],
);
