import type { CommissionSort } from '../src/commissions/source.ts';

export type Sort = CommissionSort | `-${CommissionSort}`;

/** A list that is asked for: what is given of the query, and the indexes that may answer it. */
export interface PlanCase {
  readonly says: string;
  readonly asked: Readonly<Record<string, unknown>>;
  readonly sort: Sort;
  readonly indexes: RegExp;
  /** Of the past it is told by no index, only row by row. */
  readonly presentOnly?: true;
}

/** Ids and texts of the rows at hand; `many` have half of everything, `few` little. */
export interface PlanSubjects {
  readonly partner: { readonly many: string; readonly few: string };
  readonly policy: { readonly many: string; readonly few: string };
  /** Found in one row, in many, in none. */
  readonly search: { readonly rare: string; readonly common: string; readonly none: string };
}

const CREATED = /commissions_created/;

/** Every filter and every order of the list, and filters together. */
export function planCases({ partner, policy, search }: PlanSubjects): PlanCase[] {
  const one = (
    says: string,
    asked: PlanCase['asked'],
    indexes: RegExp,
    sort: Sort = '-createdAt',
  ): PlanCase => ({ says, asked, indexes, sort });
  const anyOf = (...names: string[]): RegExp =>
    new RegExp(names.map((name) => `commissions_${name}`).join('|'));
  const trigrams = /commissions_order_id_search[^]*commissions_referral_code_search/;
  return [
    one('everything', {}, CREATED),
    one('the oldest first', {}, CREATED, 'createdAt'),
    one('the last 30 days', { dateFrom: undefined }, CREATED),
    one('a day long ago', { dateFrom: '2026-03-01', dateTo: '2026-03-02' }, CREATED),
    one('partner of many', { partnerId: partner.many }, anyOf('partner', 'created')),
    one('partner of few', { partnerId: partner.few }, anyOf('partner')),
    one('policy of many', { policyId: policy.many }, anyOf('policy', 'created')),
    one('policy of few', { policyId: policy.few }, anyOf('policy')),
    ...(['pending', 'confirmed', 'paid', 'cancelled'] as const).map((status) =>
      one(`status ${status}`, { status }, anyOf('status', 'created')),
    ),
    ...(['earning', 'clawback', 'bonus'] as const).map((kind) =>
      one(`kind ${kind}`, { kind }, /commissions_/),
    ),
    one('currency of most', { currency: 'USD' }, /commissions_/),
    one('currency of few', { currency: 'EUR' }, /commissions_/),
    one('currency of none', { currency: 'CHF' }, /commissions_/),
    one('refunded', { refunded: true }, anyOf('refunded')),
    one('not refunded', { refunded: false }, CREATED),
    {
      ...one('past their hold', { attention: 'commissions_past_hold' }, anyOf('due', 'status', 'created')),
      presentOnly: true,
    },
    {
      ...one('with payments held', { attention: 'payments_on_hold' }, anyOf('partner', 'status', 'created')),
      presentOnly: true,
    },
    {
      ...one('amounts in a narrow range', { minAmount: 5, maxAmount: 5.1 }, anyOf('amount', 'created')),
      presentOnly: true,
    },
    one('amounts in a wide range', { minAmount: 5 }, anyOf('amount', 'created')),
    { ...one('amounts of nobody', { minAmount: 999_999 }, anyOf('amount')), presentOnly: true },
    one('by amount', {}, anyOf('amount'), '-commissionAmount'),
    one(
      'by amount, the last 30 days',
      { dateFrom: undefined },
      anyOf('amount', 'created'),
      'commissionAmount',
    ),
    one(
      'confirmed in a range',
      { dateField: 'confirmed', dateFrom: undefined },
      anyOf('confirmed', 'created'),
    ),
    one('by confirmation', { dateField: 'confirmed' }, anyOf('confirmed'), 'confirmedAt'),
    one(
      'by confirmation, created in a range',
      { dateFrom: undefined },
      anyOf('confirmed', 'created'),
      '-confirmedAt',
    ),
    one('paid in a range', { dateField: 'paid', dateFrom: undefined }, anyOf('paid', 'created')),
    one('by payment', { dateField: 'paid' }, anyOf('paid'), '-paidAt'),
    one('search: one', { search: search.rare }, trigrams),
    one('search: none', { search: search.none }, trigrams),
    one('search: many', { search: search.common }, anyOf('created', 'order_id_search')),
    one(
      'partner and status',
      { partnerId: partner.many, status: 'pending' },
      anyOf('partner', 'status', 'created'),
    ),
    one('partner, by amount', { partnerId: partner.few }, anyOf('partner', 'amount'), '-commissionAmount'),
    one('policy, refunded', { policyId: policy.few, refunded: true }, anyOf('policy', 'refunded')),
    one('partner and search', { partnerId: partner.few, search: search.common }, anyOf('partner', 'search')),
  ];
}
