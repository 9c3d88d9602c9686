import type { Database, PartnerStatus, PartnerTier } from '@tributary/schema';

import type { Money } from '../money/index.ts';
import { decideCommission, type CommissionDecision, type CommissionLine } from '../policies/index.ts';
import {
  policiesInForce,
  readUsage,
  type PolicyRecord,
  type PolicySet,
  type UsageLookup,
} from '../policies/store.ts';
import { policyRevision } from '../revisions.ts';
import type { NewCommission } from '../statement/new-commissions.ts';
import type { PolicyUse } from '../statement/policy-guard.ts';

/**
 * Where commands get the programme's policies; a service may cache them. A set that is remembered of another revision than the one
 * just `seen` is read anew; `forget` is called when one proved outdated otherwise.
 */
export interface PolicySource {
  current: (programId: string, seen?: string) => Promise<PolicySet>;
  forget: (programId: string) => void;
}

/** A conversion whose commission is to be priced, written or about to be. Amounts are decimal text. */
export interface PricedConversion {
  id: string;
  commissionId: string;
  partnerId: string;
  productId: string;
  orderId: string;
  referralCode: string | null;
  subId: string | null;
  currency: string;
  /** Of the whole line. */
  lineAmount: Money;
  lineLeft: Money;
  commissionableAmount: Money;
  attributedAmount: Money;
  weight: string;
  quantity: number;
  isNewCustomer: boolean;
}

interface PartnerFacts {
  id: string;
  tier: PartnerTier;
  status: PartnerStatus;
}

interface ProductFacts {
  id: string;
  category: string | null;
  tags: string[];
  supplierId: string | null;
}

const PARTNERS = `SELECT id, tier, status, ${policyRevision('$1')} AS policy_revision
  FROM partners WHERE program_id = $1 AND id = ANY($2::uuid[])`;
const PRODUCTS = `SELECT id, category, tags, supplier_id FROM products WHERE program_id = $1 AND id = ANY($2::uuid[])`;

/** What pricing answers: commissions to write, the policy uses they rely on, and why there is none, by conversion. */
export interface Pricing {
  commissions: NewCommission[];
  uses: PolicyUse[];
  withoutCommission: Map<string, string>;
}

export interface PriceInput {
  programId: string;
  now: Date;
  conversions: readonly PricedConversion[];
}

const MS_PER_DAY = 86_400_000;

/**
 * Decides the commission of each conversion by the policies in force, one after the other: what the first uses of a limited
 * policy the next finds used. Reads partners, products and usage; writes nothing.
 */
export async function priceConversions(
  deps: { db: Database; policies: PolicySource },
  input: PriceInput,
): Promise<Pricing> {
  const { programId, now, conversions } = input;
  const pricing: Pricing = { commissions: [], uses: [], withoutCommission: new Map() };
  if (conversions.length === 0) return pricing;
  const partnerIds = [...new Set(conversions.map((conversion) => conversion.partnerId))];
  const productIds = [...new Set(conversions.map((conversion) => conversion.productId))];
  const known = await deps.policies.current(programId);
  const [partners, products, knownUses] = await Promise.all([
    deps.db.query<PartnerFacts & { policyRevision: string }>(PARTNERS, [programId, partnerIds]),
    deps.db.query<ProductFacts>(PRODUCTS, [programId, productIds]),
    usesOf(deps.db, { programId, now, partnerIds }, known),
  ]);
  const partnerById = new Map(partners.map((partner) => [partner.id, partner]));
  const productById = new Map(products.map((product) => [product.id, product]));
  const seen = partners[0]?.policyRevision ?? known.revision;
  // What was changed before the order came decides it, whether or not anybody has told of the change yet.
  const policiesFor =
    seen === known.revision
      ? knownUses
      : await usesOf(deps.db, { programId, now, partnerIds }, await deps.policies.current(programId, seen));
  for (const conversion of conversions) {
    const partner = partnerById.get(conversion.partnerId);
    const product = productById.get(conversion.productId);
    if (partner === undefined || product === undefined) {
      throw new Error(`conversion ${conversion.id} names a partner or product that does not exist`);
    }
    const before = pricing.uses.length;
    priceOne({ conversion, partner, product, policies: policiesFor.partner(partner.id), now }, pricing);
    for (const use of pricing.uses.slice(before)) policiesFor.used(use);
  }
  return pricing;
}

/** The policies of a set that are in force, and how often they have been used. */
async function usesOf(
  db: Database,
  { programId, now, partnerIds }: { programId: string; now: Date; partnerIds: readonly string[] },
  { policies }: PolicySet,
) {
  const inForce = policiesInForce(policies, now);
  return countingUses(inForce, await readUsage(db, programId, inForce, partnerIds));
}

/** The policies as a partner finds them: with the uses that were read, and those of the commissions priced since. */
function countingUses(inForce: readonly PolicyRecord[], usage: UsageLookup) {
  const inAll = new Map<string, number>();
  const byPartner = new Map<string, number>();
  const isLimited = (policy: PolicyRecord): boolean =>
    policy.maxUsageTotal !== null || policy.maxUsagePerPartner !== null;
  return {
    partner: (partnerId: string): readonly PolicyRecord[] =>
      inForce.map((policy) => {
        if (!isLimited(policy)) return policy;
        const read = usage(policy.id, partnerId);
        const usageTotal = read.total + (inAll.get(policy.id) ?? 0);
        const usageByPartner = read.byPartner + (byPartner.get(`${policy.id} ${partnerId}`) ?? 0);
        return { ...policy, usageTotal, usageByPartner };
      }),
    used({ policyId, partnerId }: PolicyUse): void {
      const key = `${policyId} ${partnerId}`;
      inAll.set(policyId, (inAll.get(policyId) ?? 0) + 1);
      byPartner.set(key, (byPartner.get(key) ?? 0) + 1);
    },
  };
}

interface OnePricing {
  conversion: PricedConversion;
  partner: PartnerFacts;
  product: ProductFacts;
  policies: readonly PolicyRecord[];
  now: Date;
}

function priceOne(input: OnePricing, pricing: Pricing): void {
  const { conversion, partner, product, policies, now } = input;
  const decided = decideCommission({
    line: lineOf(conversion),
    partner,
    product,
    customer: { isNew: conversion.isNewCustomer },
    now,
    policies,
  });
  if (decided.outcome === 'none') {
    pricing.withoutCommission.set(conversion.id, decided.decision.summary);
    return;
  }
  const used = new Set(decided.policiesUsed.map(({ policyId }) => policyId));
  for (const policy of policies.filter(({ id }) => used.has(id))) {
    pricing.uses.push({
      policyId: policy.id,
      rowVersion: policy.rowVersion,
      partnerId: partner.id,
      partnerTier: partner.tier,
      maxUsageTotal: policy.maxUsageTotal,
      maxUsagePerPartner: policy.maxUsagePerPartner,
    });
  }
  pricing.commissions.push(earningOf(conversion, decided, now));
}

function lineOf(conversion: PricedConversion): CommissionLine {
  const { currency, lineAmount, lineLeft, commissionableAmount, attributedAmount, weight, quantity } =
    conversion;
  return {
    currency,
    orderAmount: lineAmount,
    commissionableAmount,
    attributedAmount,
    attributionWeight: weight,
    quantity,
    ...(lineLeft === lineAmount ? {} : { remaining: { left: lineLeft, of: lineAmount } }),
  };
}

type Priced = Extract<CommissionDecision, { outcome: 'commission' }>;

function earningOf(conversion: PricedConversion, decided: Priced, now: Date): NewCommission {
  const { winner, amount, rate, decision } = decided;
  return {
    id: conversion.commissionId,
    kind: 'earning',
    action: 'created',
    partnerId: conversion.partnerId,
    productId: conversion.productId,
    policyId: winner.id,
    policyVersion: winner.version,
    policyType: winner.type,
    conversionId: conversion.id,
    originalCommissionId: null,
    orderId: conversion.orderId,
    referralCode: conversion.referralCode,
    subId: conversion.subId,
    status: 'pending',
    amount,
    orderAmount: conversion.attributedAmount,
    basisLeft: conversion.lineLeft,
    isRefunded: conversion.lineLeft !== conversion.lineAmount,
    rate,
    currency: conversion.currency,
    holdUntil: new Date(now.getTime() + winner.holdDays * MS_PER_DAY).toISOString(),
    metadata: { decision },
    reason: null,
    reasonCode: null,
  };
}
