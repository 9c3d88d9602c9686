import type { Candidate, CommissionLine, Policy } from '../src/policies/index.ts';

export const PARTNER = '01990000-0000-7000-8000-00000000000a';
export const PRODUCT = '01990000-0000-7000-8000-00000000000b';
export const SUPPLIER = 'supplier-1';
export const NOW = new Date('2026-06-15T12:00:00.000Z');

/** A policy of 10 percent without any filter, overridden where a test says so. */
export function policy(overrides: Partial<Policy> = {}): Policy {
  const code = overrides.code ?? 'BASE';
  return {
    id: `id-${code}`,
    code,
    status: 'active',
    priority: 0,
    createdAt: new Date('2026-01-01T00:00:00.000Z'),
    usageTotal: 0,
    usageByPartner: 0,
    version: 1,
    type: 'percentage',
    rate: '10.000000',
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
    holdDays: 7,
    stackable: false,
    exclusiveWith: [],
    ...overrides,
  };
}

/** A line of 200.00 USD, wholly credited to one partner. */
export function line(overrides: Partial<CommissionLine> = {}): CommissionLine {
  return {
    currency: 'USD',
    orderAmount: '200.00',
    commissionableAmount: '200.00',
    attributedAmount: '200.00',
    attributionWeight: '1.000000',
    quantity: 1,
    ...overrides,
  };
}

/** A gold partner's sale of a tagged product to a returning customer. */
export function candidate(overrides: Partial<Candidate> = {}): Candidate {
  return {
    line: line(),
    partner: { id: PARTNER, tier: 'gold', status: 'active' },
    product: { id: PRODUCT, category: 'shoes', tags: ['summer', 'sale'], supplierId: SUPPLIER },
    customer: { isNew: false },
    now: NOW,
    ...overrides,
  };
}
