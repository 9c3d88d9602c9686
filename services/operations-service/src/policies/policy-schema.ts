import { currencyCode, hasDecimals, idField, money, timestamp } from '@tributary/http-kit';
import { PARTNER_TIERS, POLICY_STATUSES, POLICY_TYPES } from '@tributary/schema';
import { z } from 'zod';
import { tag } from '../products/product-schema.ts';

/** Percent; numeric(9,6) holds six decimals. */
const rate = z
  .number()
  .min(0)
  .max(100)
  .refine((value) => hasDecimals(value, 6), 'must have at most six decimals');

const policyCode = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'must be up to 100 letters, digits, dots, _ or -, a letter or digit first',
  );

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());
const name = z.string().trim().min(1).max(200);
const count = z.int().min(1).max(2_147_483_647);

/** What is null is not set, as elsewhere; a version keeps only what is. */
const band = z
  .strictObject({
    minAmount: money,
    maxAmount: money.nullish(),
    rate: rate.nullish(),
    amount: money.nullish(),
  })
  .transform(({ minAmount, maxAmount, rate: percent, amount }) => ({
    minAmount,
    ...(typeof maxAmount === 'number' && { maxAmount }),
    ...(typeof percent === 'number' && { rate: percent }),
    ...(typeof amount === 'number' && { amount }),
  }));

/** What a version of a policy says; null where a term is not set. */
const termFields = {
  type: z.enum(POLICY_TYPES),
  rate: rate.nullable(),
  amount: money.nullable(),
  tiers: z.array(band).min(1).max(100).nullable(),
  currency: currencyCode.nullable(),
  partnerId: idField.nullable(),
  partnerTier: z.enum(PARTNER_TIERS).nullable(),
  productId: idField.nullable(),
  supplierId: z.string().trim().min(1).max(200).nullable(),
  category: z.string().trim().min(1).max(200).nullable(),
  tags: z.array(tag).min(1).max(100).nullable(),
  minCommission: money.nullable(),
  maxCommission: money.nullable(),
  minOrderAmount: money.nullable(),
  maxOrderAmount: money.nullable(),
  requiresNewCustomer: z.boolean(),
  validFrom: moment.nullable(),
  validUntil: moment.nullable(),
  maxUsageTotal: count.nullable(),
  maxUsagePerPartner: count.nullable(),
  holdDays: z.int().min(0).max(3_650),
  stackable: z.boolean(),
  exclusiveWith: z.array(policyCode).max(100),
};

const ownFields = {
  name,
  description: z.string().trim().max(2_000).nullable(),
  status: z.enum(POLICY_STATUSES),
  priority: z.int().min(-1_000_000).max(1_000_000),
};

const termsSchema = z.object(termFields);

/** The terms of one version. */
export type Terms = z.output<typeof termsSchema>;

export const TERM_FIELDS = Object.keys(termFields) as (keyof Terms)[];
export const OWN_FIELDS = Object.keys(ownFields) as (keyof typeof ownFields)[];

/** What a policy may be told, but for its code. */
export const policyFields = z.strictObject({ ...termFields, ...ownFields }).partial();

export const newPolicyBody = z.strictObject({
  code: policyCode,
  ...policyFields.shape,
  type: termFields.type,
  name,
});

export const policyPatch = policyFields.refine(
  (given) => Object.keys(given).length > 0,
  'name at least one field to change',
);

const answered = {
  ...termFields,
  rate: z.number().nullable(),
  validFrom: timestamp.nullable(),
  validUntil: timestamp.nullable(),
  tiers: z
    .array(
      z.object({
        minAmount: z.number(),
        maxAmount: z.number().optional(),
        rate: z.number().optional(),
        amount: z.number().optional(),
      }),
    )
    .nullable(),
};

/** A policy on the wire, with the terms of its current version. `version` is the record's; `policyVersion` the terms'. */
export const policySchema = z.object({
  id: z.uuid(),
  code: z.string(),
  ...ownFields,
  policyVersion: z.int(),
  ...answered,
  version: z.int(),
  createdAt: timestamp,
  updatedAt: timestamp,
});

export const policyVersionSchema = z.object({
  policyVersion: z.int(),
  effectiveFrom: timestamp,
  createdAt: timestamp,
  ...answered,
});

/** A policy as the wire has it, parsed. */
export interface Policy extends Terms {
  readonly id: string;
  readonly code: string;
  readonly name: string;
  readonly description: string | null;
  readonly status: (typeof POLICY_STATUSES)[number];
  readonly priority: number;
  readonly policyVersion: number;
  readonly version: number;
}
