import { Decimal } from '../money/decimal.ts';
import { bandFor, describeBand } from './bands.ts';
import type { Candidate, Policy } from './types.ts';

export type PolicyMatch =
  | { applies: true; specificity: number }
  | { applies: false; outcome: 'not_applicable' | 'limit_reached'; reasons: string[] };

/** One way a policy can be narrowed down: what it adds to the specificity when set, and why it fails a candidate. */
interface Filter {
  specificity: number;
  isSet: (policy: Policy) => boolean;
  /** Completes "not applicable because ..."; undefined when the candidate passes. Asked only when the filter is set. */
  failure: (policy: Policy, candidate: Candidate) => string | undefined;
}

const filters: readonly Filter[] = [
  {
    specificity: 100,
    isSet: (policy) => policy.partnerId !== null,
    failure: (policy, { partner }) =>
      policy.partnerId === partner.id ? undefined : 'it is for another partner',
  },
  {
    specificity: 90,
    isSet: (policy) => policy.productId !== null,
    failure: (policy, { product }) =>
      policy.productId === product.id ? undefined : 'it is for another product',
  },
  {
    specificity: 80,
    isSet: (policy) => policy.partnerTier !== null,
    failure: (policy, { partner }) =>
      policy.partnerTier === partner.tier
        ? undefined
        : `it is for partners in tier ${policy.partnerTier} and this one is in ${partner.tier}`,
  },
  {
    specificity: 70,
    isSet: (policy) => policy.supplierId !== null,
    failure: (policy, { product }) =>
      policy.supplierId === product.supplierId ? undefined : 'it is for products of another supplier',
  },
  {
    specificity: 60,
    isSet: (policy) => policy.category !== null,
    failure: (policy, { product }) =>
      policy.category === product.category
        ? undefined
        : `it is for category ${policy.category} and the product is in ${product.category ?? 'none'}`,
  },
  {
    specificity: 50,
    isSet: (policy) => tagsOf(policy).length > 0,
    failure: (policy, { product }) =>
      tagsOf(policy).some((tag) => product.tags.includes(tag))
        ? undefined
        : `the product has none of its tags (${tagsOf(policy).join(', ')})`,
  },
  {
    specificity: 40,
    isSet: (policy) => policy.minOrderAmount !== null || policy.maxOrderAmount !== null,
    failure: orderAmountFailure,
  },
  {
    specificity: 30,
    isSet: (policy) => policy.requiresNewCustomer,
    failure: (_policy, { customer }) =>
      customer.isNew ? undefined : 'it is for new customers and this one has ordered before',
  },
  {
    specificity: 20,
    isSet: (policy) => policy.validFrom !== null || policy.validUntil !== null,
    failure: validityFailure,
  },
];

/** How narrowly a policy is drawn: the sum over its set filters, by which equal priorities are ordered. */
export function specificityOf(policy: Policy): number {
  return filters.reduce((sum, filter) => sum + (filter.isSet(policy) ? filter.specificity : 0), 0);
}

/**
 * Whether a policy applies to a candidate, and if not, every reason why, in words. `limit_reached` means that nothing
 * but its usage limits stands against it.
 */
export function matchPolicy(policy: Policy, candidate: Candidate): PolicyMatch {
  const reasons = [
    policy.status === 'active' ? undefined : `its status is ${policy.status}`,
    ...filters.filter((filter) => filter.isSet(policy)).map((filter) => filter.failure(policy, candidate)),
    currencyFailure(policy, candidate),
    termsFailure(policy, candidate),
  ].filter((reason) => reason !== undefined);
  const limits = limitFailures(policy);
  if (reasons.length > 0)
    return { applies: false, outcome: 'not_applicable', reasons: [...reasons, ...limits] };
  if (limits.length > 0) return { applies: false, outcome: 'limit_reached', reasons: limits };
  return { applies: true, specificity: specificityOf(policy) };
}

/** Bounds are inclusive at both ends and look at the whole line. */
function orderAmountFailure(policy: Policy, { line }: Candidate): string | undefined {
  const amount = new Decimal(line.orderAmount);
  if (policy.minOrderAmount !== null && amount.lt(policy.minOrderAmount)) {
    return `the line's ${line.orderAmount} is below its minimum order amount ${policy.minOrderAmount}`;
  }
  if (policy.maxOrderAmount !== null && amount.gt(policy.maxOrderAmount)) {
    return `the line's ${line.orderAmount} is above its maximum order amount ${policy.maxOrderAmount}`;
  }
  return undefined;
}

function validityFailure(policy: Policy, { now }: Candidate): string | undefined {
  if (policy.validFrom !== null && now < policy.validFrom) {
    return `it is valid from ${policy.validFrom.toISOString()} on`;
  }
  if (policy.validUntil !== null && now >= policy.validUntil) {
    return `it was valid until ${policy.validUntil.toISOString()}`;
  }
  return undefined;
}

/** A policy without any amount in its terms fits every currency. */
function currencyFailure(policy: Policy, { line }: Candidate): string | undefined {
  const amounts = [
    policy.type === 'fixed' ? policy.amount : null,
    policy.minCommission,
    policy.maxCommission,
    policy.minOrderAmount,
    policy.maxOrderAmount,
  ];
  const holdsAmounts = policy.type === 'tiered' || amounts.some((amount) => amount !== null);
  if (!holdsAmounts || policy.currency === line.currency) return undefined;
  return `its amounts are in ${policy.currency ?? 'no currency'} and the order is in ${line.currency}`;
}

/** A policy that cannot price the line steps aside, so that another may, instead of failing the conversion. */
function termsFailure(policy: Policy, { line }: Candidate): string | undefined {
  switch (policy.type) {
    case 'percentage':
      return policy.rate === null ? 'it has no rate' : undefined;
    case 'fixed':
      return policy.amount === null ? 'it has no amount' : undefined;
    case 'tiered': {
      const band = bandFor(policy.tiers ?? [], line.commissionableAmount);
      if (band === undefined) return `no band of it holds the line's ${line.commissionableAmount}`;
      const priced = (band.rate ?? band.amount) !== undefined;
      return priced ? undefined : `its band ${describeBand(band)} has neither rate nor amount`;
    }
  }
}

function limitFailures(policy: Policy): string[] {
  const { usageTotal, usageByPartner, maxUsageTotal, maxUsagePerPartner } = policy;
  const failures: string[] = [];
  if (maxUsageTotal !== null && usageTotal >= maxUsageTotal) {
    failures.push(`its ${maxUsageTotal} uses in all are taken`);
  }
  if (maxUsagePerPartner !== null && usageByPartner >= maxUsagePerPartner) {
    failures.push(`this partner's ${maxUsagePerPartner} uses of it are taken`);
  }
  return failures;
}

function tagsOf(policy: Policy): readonly string[] {
  return policy.tags ?? [];
}
