import type { Parameters } from '@tributary/commissions';
import { dateRangeQuery, queryAmount, resolveDateRange, validationError } from '@tributary/http-kit';
import { COMMISSION_KINDS, COMMISSION_STATUSES } from '@tributary/schema';
import { z } from 'zod';

const DATE_FIELDS = ['created', 'confirmed', 'paid'] as const;

const search = z
  .string()
  .trim()
  .min(3)
  .max(100)
  .meta({ description: 'Part of the order id or referral code, taken literally, in any case' });

/** What commissions are filtered by in a query string. */
export const filterQuery = {
  partnerId: z.uuid().optional(),
  policyId: z.uuid().optional(),
  status: z.enum(COMMISSION_STATUSES).optional(),
  kind: z.enum(COMMISSION_KINDS).optional(),
  dateField: z.enum(DATE_FIELDS).default('created'),
  ...dateRangeQuery(),
  minAmount: queryAmount().optional(),
  maxAmount: queryAmount().optional(),
  search: search.optional(),
};

/** A list's moment, beside its filter: what was true then, rather than what is. */
export const asOfQuery = {
  asOf: dateRangeQuery().dateTo.meta({
    description: 'Commissions as they were at this moment; now by default',
  }),
};

/** What commissions are filtered by in a JSON body. */
export const filterBody = z.strictObject({
  ...filterQuery,
  minAmount: z.number().optional(),
  maxAmount: z.number().optional(),
});

type Asked = z.output<typeof filterBody>;

/** A filter whose dates are instants: what a job keeps, so that it means the same whenever it runs. */
export interface CommissionFilter extends Omit<Asked, 'dateFrom' | 'dateTo'> {
  readonly from: string;
  /** Open where the client named no end: nothing lies in the future. */
  readonly to?: string | undefined;
}

/** @throws 400 for reversed bounds */
export function resolveFilter(
  asked: Asked,
  at: { readonly timeZone: string; readonly now: Date },
): CommissionFilter {
  const { dateFrom, dateTo, ...rest } = asked;
  const { from, to } = resolveDateRange({ dateFrom, dateTo }, at);
  const { minAmount, maxAmount } = rest;
  if (minAmount !== undefined && maxAmount !== undefined && minAmount > maxAmount) {
    throw validationError([{ path: 'minAmount', message: 'must not be above maxAmount' }]);
  }
  return { ...rest, from: from.toISOString(), ...(dateTo === undefined ? {} : { to: to.toISOString() }) };
}

/** Where a filter finds what changes in a commission's life. */
export interface FilterColumns {
  readonly status: string;
  readonly amount: string;
}

const NOW: FilterColumns = { status: 'c.status', amount: 'c.commission_amount' };

const DATE_COLUMNS = { created: 'c.created_at', confirmed: 'c.confirmed_at', paid: 'c.paid_at' } as const;

/**
 * The SQL conditions of a filter over `commissions c`. Enumerations stand in the text: partial indexes are only found by
 * constants, and the planner knows how common each status is.
 */
export function filterConditions(
  parameters: Parameters,
  programId: string,
  filter: CommissionFilter,
  columns: FilterColumns = NOW,
): string[] {
  const { partnerId, policyId, status, kind, from, to, minAmount, maxAmount } = filter;
  const column = DATE_COLUMNS[filter.dateField];
  const conditions = [`c.program_id = ${parameters.add(programId, 'text')}`];
  if (partnerId !== undefined) conditions.push(`c.partner_id = ${parameters.add(partnerId, 'uuid')}`);
  if (policyId !== undefined) conditions.push(`c.policy_id = ${parameters.add(policyId, 'uuid')}`);
  if (status !== undefined) conditions.push(`${columns.status} = '${status}'`);
  if (kind !== undefined)
    conditions.push(`c.kind = '${kind}'${kind === 'earning' ? '' : " AND c.kind <> 'earning'"}`);
  conditions.push(`${column} >= ${parameters.add(from, 'timestamptz')}`);
  if (to !== undefined) conditions.push(`${column} < ${parameters.add(to, 'timestamptz')}`);
  if (minAmount !== undefined)
    conditions.push(`${columns.amount} >= ${parameters.add(minAmount, 'numeric')}`);
  if (maxAmount !== undefined)
    conditions.push(`${columns.amount} <= ${parameters.add(maxAmount, 'numeric')}`);
  if (filter.search !== undefined) conditions.push(...searchConditions(parameters, filter.search));
  return conditions;
}

/**
 * Substring search on the trigram indexes; what a client sends is never a pattern. How common a text is decides between
 * walking the order and asking the indexes, so that each search must be planned with its text: a plan made once for all
 * took seconds for a common one. The last condition makes it so. With the parameter known it is TRUE and gone; in a plan
 * for any parameter it counts to a billion (on paper: nothing evaluates it), which is dearer than planning anew.
 */
function searchConditions(parameters: Parameters, search: string): string[] {
  const pattern = parameters.add(`%${search.replaceAll(/[\\%_]/g, '\\$&')}%`, 'text');
  const known = parameters.add(true, 'boolean');
  return [
    `(c.order_id ILIKE ${pattern} OR c.referral_code ILIKE ${pattern})`,
    `(${known} OR (SELECT count(*) FROM generate_series(1, 1000000000)) > 0)`,
  ];
}
