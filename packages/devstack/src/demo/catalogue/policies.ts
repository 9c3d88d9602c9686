import type { PolicyStatus, PolicyType } from '@tributary/schema';
import type { PolicyTierBand } from '@tributary/schema/tables';

/** The terms of one version, named as their columns. */
export interface DemoTerms {
  readonly type: PolicyType;
  readonly rate?: number;
  readonly amount?: number;
  readonly tiers?: readonly PolicyTierBand[];
  readonly currency?: string;
  readonly partner_tier?: string;
  readonly category?: string;
  readonly tags?: readonly string[];
  readonly max_commission?: number;
  readonly requires_new_customer?: boolean;
  readonly max_usage_per_partner?: number;
  readonly hold_days?: number;
  readonly stackable?: boolean;
}

export interface DemoPolicy {
  readonly code: string;
  readonly name: string;
  readonly description: string;
  readonly status: PolicyStatus;
  readonly priority: number;
  /** Code of the partner, and SKU of the product, that it is for. */
  readonly partner?: string;
  readonly product?: string;
  /** Versions of the terms; the first holds from before the first day, the others from that day on. */
  readonly versions: readonly { readonly day?: number; readonly terms: DemoTerms }[];
}

/** Eight policies of all types; STANDARD and WELCOME add up for new customers. */
export const POLICIES: readonly DemoPolicy[] = [
  {
    code: 'STANDARD',
    name: 'Standard commission',
    description: 'What every partner earns where nothing better applies.',
    status: 'active',
    priority: 0,
    versions: [
      { terms: { type: 'percentage', rate: 5, stackable: true } },
      { day: 20, terms: { type: 'percentage', rate: 6, stackable: true } },
    ],
  },
  {
    code: 'WELCOME',
    name: 'New customer welcome',
    description: 'A fixed amount for each new customer, on top of the standard commission.',
    status: 'active',
    priority: 0,
    versions: [
      { terms: { type: 'fixed', amount: 12, currency: 'USD', requires_new_customer: true, stackable: true } },
    ],
  },
  {
    code: 'GOLD-TIER',
    name: 'Gold partners',
    description: 'The rate of partners in the gold tier.',
    status: 'active',
    priority: 10,
    versions: [{ terms: { type: 'percentage', rate: 8, partner_tier: 'gold' } }],
  },
  {
    code: 'PLATINUM-TIER',
    name: 'Platinum partners',
    description: 'The rate of partners in the platinum tier.',
    status: 'active',
    priority: 10,
    versions: [{ terms: { type: 'percentage', rate: 10, partner_tier: 'platinum' } }],
  },
  {
    code: 'CYCLING-BANDS',
    name: 'Cycling by order value',
    description: 'The dearer the bicycle, the higher the rate.',
    status: 'active',
    priority: 5,
    versions: [
      {
        terms: {
          type: 'tiered',
          currency: 'USD',
          category: 'cycling',
          tiers: [
            { minAmount: 0, maxAmount: 1_000, rate: 5 },
            { minAmount: 1_000, maxAmount: 2_500, rate: 7 },
            { minAmount: 2_500, rate: 8 },
          ],
        },
      },
    ],
  },
  {
    code: 'HARBOUR-2',
    name: 'Harbour Reviews agreement',
    description: 'Negotiated with Harbour Reviews, at most 450 an order.',
    status: 'active',
    priority: 30,
    partner: 'HARBOUR',
    versions: [
      { terms: { type: 'percentage', rate: 12, currency: 'USD', max_commission: 450, hold_days: 5 } },
    ],
  },
  {
    code: 'KAYAK-LAUNCH',
    name: 'Kayak launch',
    description: 'A launch premium for the first five touring kayaks of each partner.',
    status: 'active',
    priority: 40,
    product: 'KAYAK-TOUR',
    versions: [
      { terms: { type: 'fixed', amount: 120, currency: 'USD', max_usage_per_partner: 5, hold_days: 14 } },
    ],
  },
  {
    code: 'SPRING-CLEAR',
    name: 'Spring clearance',
    description: 'Prepared for the next clearance sale; nobody has switched it on yet.',
    status: 'scheduled',
    priority: 20,
    versions: [{ terms: { type: 'percentage', rate: 15, tags: ['clearance'] } }],
  },
];
