import { COMMISSION_ATTENTION, type CommissionFilter } from '@tributary/commissions';
import {
  currencyCode,
  dateRangeQuery,
  idField,
  queryAmount,
  queryBoolean,
  resolveDateRange,
  validationError,
  type FieldError,
} from '@tributary/http-kit';
import { COMMISSION_KINDS, COMMISSION_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import { collectingFaults } from '../changes/collect-faults.ts';

const DATE_FIELDS = ['created', 'confirmed', 'paid'] as const;

const search = z
  .string()
  .trim()
  .min(3)
  .max(100)
  .meta({ description: 'Part of the order id or referral code, taken literally, in any case' });

/** What commissions are filtered by in a query string. */
export const filterQuery = {
  partnerId: idField.optional(),
  policyId: idField.optional(),
  status: z.enum(COMMISSION_STATUSES).optional(),
  kind: z.enum(COMMISSION_KINDS).optional(),
  currency: currencyCode.optional(),
  refunded: queryBoolean().optional(),
  dateField: z.enum(DATE_FIELDS).default('created'),
  ...dateRangeQuery(),
  minAmount: queryAmount().optional(),
  maxAmount: queryAmount().optional(),
  search: search.optional(),
};

/** A moment: what was true then, rather than what is. */
export const asOfQuery = {
  asOf: dateRangeQuery().dateTo.meta({
    description: 'As it was at this moment; now by default',
  }),
};

/** Of the list alone: what a bulk operation does would change what it was asked for. */
export const attentionQuery = {
  attention: z
    .enum(COMMISSION_ATTENTION)
    .meta({ description: 'Those that the overview counts under this name, now' })
    .optional(),
};

/** What commissions are filtered by in a JSON body. */
export const filterBody = z.strictObject({
  ...filterQuery,
  minAmount: z.number().optional(),
  maxAmount: z.number().optional(),
  refunded: z.boolean().optional(),
});

export type AskedFilter = z.output<typeof filterBody>;

/** @throws 400 that names every bound that is reversed */
export function resolveFilter(
  asked: AskedFilter,
  at: { readonly timeZone: string; readonly now: Date },
): CommissionFilter {
  const { dateFrom, dateTo, ...rest } = asked;
  const faults: FieldError[] = [];
  const range = collectingFaults(faults, () => resolveDateRange({ dateFrom, dateTo }, at));
  const { minAmount, maxAmount } = rest;
  if (minAmount !== undefined && maxAmount !== undefined && minAmount > maxAmount)
    faults.push({ path: 'minAmount', message: 'must not be above maxAmount' });
  if (range === undefined || faults.length > 0) throw validationError(faults);
  const { from, to } = range;
  return { ...rest, from: from.toISOString(), ...(dateTo === undefined ? {} : { to: to.toISOString() }) };
}
