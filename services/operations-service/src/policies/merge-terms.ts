import { holdsAmounts } from './check-terms.ts';
import { TERM_FIELDS, type Terms } from './policy-schema.ts';

/** Terms as a request gives them: what is left out is not mentioned. */
export type GivenTerms = { readonly [Field in keyof Terms]?: Terms[Field] | undefined };

/** What a policy says that only its type was told of. */
export function defaultTerms(type: Terms['type'], holdDays: number): Terms {
  return {
    type,
    rate: null,
    amount: null,
    tiers: null,
    currency: null,
    partnerId: null,
    partnerTier: null,
    productId: null,
    supplierId: null,
    category: null,
    tags: null,
    minCommission: null,
    maxCommission: null,
    minOrderAmount: null,
    maxOrderAmount: null,
    requiresNewCustomer: false,
    validFrom: null,
    validUntil: null,
    maxUsageTotal: null,
    maxUsagePerPartner: null,
    holdDays,
    stackable: false,
    exclusiveWith: [],
  };
}

/**
 * The terms after a request. A change of type drops what only went with the old one; amounts without a currency are in the
 * programme's; with the last amount the currency goes, unless the request names one.
 */
export function mergeTerms(before: Terms, given: GivenTerms, programCurrency: string): Terms {
  const kept =
    given.type !== undefined && given.type !== before.type
      ? { ...before, rate: null, amount: null, tiers: null }
      : before;
  const named = TERM_FIELDS.filter((field) => given[field] !== undefined).map((field) => [
    field,
    given[field],
  ]);
  const terms: Terms = { ...kept, ...(Object.fromEntries(named) as Partial<Terms>) };
  if (holdsAmounts(terms)) return { ...terms, currency: terms.currency ?? programCurrency };
  return given.currency === undefined && holdsAmounts(before) ? { ...terms, currency: null } : terms;
}
