import type { CommissionKind, CommissionStatus } from '@tributary/schema';

import type { Parameters } from '../statement/parameters.ts';

/** Which commissions, with instants instead of dates: it means the same whenever it is used. */
export interface CommissionFilter {
  readonly partnerId?: string | undefined;
  readonly policyId?: string | undefined;
  readonly status?: CommissionStatus | undefined;
  readonly kind?: CommissionKind | undefined;
  readonly currency?: string | undefined;
  /** Whether there was a refund, full or partial, as dashboards count them. */
  readonly refunded?: boolean | undefined;
  readonly dateField: 'created' | 'confirmed' | 'paid';
  readonly from: string;
  /** Open where nobody named an end: nothing lies in the future. */
  readonly to?: string | undefined;
  readonly minAmount?: number | undefined;
  readonly maxAmount?: number | undefined;
  /** Part of the order id or referral code, taken literally, in any case. */
  readonly search?: string | undefined;
}

/** Where a filter finds what changes in a commission's life. */
export interface FilterColumns {
  /** A condition: this is its status. */
  readonly status: (status: CommissionStatus) => string;
  readonly amount: string;
  /** A condition: there was a refund. */
  readonly refunded: string;
}

/** The columns that `dateField` names. */
export const DATE_COLUMNS = {
  created: 'c.created_at',
  confirmed: 'c.confirmed_at',
  paid: 'c.paid_at',
} as const;

/** What every refunded commission has, and few others: the predicate of an index. */
const TOUCHED = '(c.refunded_at IS NOT NULL OR c.clawed_back_amount > 0)';

/** A paid commission never changes: of one whose line was refunded afterwards, the claw-back and the conversion tell. */
const REFUNDED = `(c.refunded_at IS NOT NULL OR (c.clawed_back_amount > 0 AND EXISTS (SELECT FROM conversion_events v
  WHERE v.program_id = c.program_id AND v.id = c.conversion_id AND v.refunded_amount > 0)))`;

const NOW: FilterColumns = {
  status: (status) => `c.status = '${status}'`,
  amount: 'c.commission_amount',
  refunded: REFUNDED,
};

/**
 * The SQL condition over `commissions c` that there was a refund, or none: now, or as `was` tells. What is refunded at any
 * moment is so now, therefore one index serves both.
 */
export const refundedCondition = (refunded: boolean, was = REFUNDED): string =>
  refunded ? `${TOUCHED} AND ${was}` : `${was} IS FALSE`;

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
  const { partnerId, policyId, status, kind, currency, refunded, from, to, minAmount, maxAmount } = filter;
  const column = DATE_COLUMNS[filter.dateField];
  const conditions = [`c.program_id = ${parameters.add(programId, 'text')}`];
  if (partnerId !== undefined) conditions.push(`c.partner_id = ${parameters.add(partnerId, 'uuid')}`);
  if (policyId !== undefined) conditions.push(`c.policy_id = ${parameters.add(policyId, 'uuid')}`);
  if (status !== undefined) conditions.push(columns.status(status));
  if (kind !== undefined)
    conditions.push(`c.kind = '${kind}'${kind === 'earning' ? '' : " AND c.kind <> 'earning'"}`);
  if (currency !== undefined) conditions.push(`c.currency = ${currencyText(parameters, currency)}`);
  if (refunded !== undefined) conditions.push(refundedCondition(refunded, columns.refunded));
  conditions.push(`${column} >= ${parameters.add(from, 'timestamptz')}`);
  if (to !== undefined) conditions.push(`${column} < ${parameters.add(to, 'timestamptz')}`);
  if (minAmount !== undefined)
    conditions.push(`${columns.amount} >= ${parameters.add(minAmount, 'numeric')}`);
  if (maxAmount !== undefined)
    conditions.push(`${columns.amount} <= ${parameters.add(maxAmount, 'numeric')}`);
  if (filter.search !== undefined) conditions.push(...searchConditions(parameters, filter.search));
  return conditions;
}

/** In the text as well, where it is nothing but a code: the index of rare currencies is partial. */
const currencyText = (parameters: Parameters, currency: string): string =>
  /^[A-Z]{3}$/.test(currency) ? `'${currency}'` : parameters.add(currency, 'text');

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
