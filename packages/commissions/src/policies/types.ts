import type { PartnerStatus, PartnerTier } from '@tributary/schema';
import type { commissionPolicies, commissionPolicyVersions } from '@tributary/schema/tables';
import type { Money } from '../money/index.ts';

type PolicyRow = typeof commissionPolicies.$inferSelect;
type VersionRow = typeof commissionPolicyVersions.$inferSelect;

/** Terms of one version of a policy; null where a term is not set. */
type PolicyTerms = Omit<VersionRow, 'programId' | 'policyId' | 'effectiveFrom' | 'createdAt'>;

/** A policy with the version of its terms in force, and how often it had been used when it was read. */
export interface Policy
  extends Pick<PolicyRow, 'id' | 'code' | 'status' | 'priority' | 'createdAt'>, PolicyTerms {
  /** 0 for a policy without limits, whose uses are not counted. */
  usageTotal: number;
  /** By the partner whose commission is decided. */
  usageByPartner: number;
}

/** One partner's credited part of a line. */
export interface CommissionLine {
  currency: string;
  /** Of the whole line: what `minOrderAmount` and `maxOrderAmount` look at. */
  orderAmount: Money;
  /** Of the whole line: what the bands of a tiered policy look at. */
  commissionableAmount: Money;
  /** This partner's share of the commissionable amount; percentages are of it and no commission is beyond it. */
  attributedAmount: Money;
  /** This partner's share of the line, above 0 and at most 1. */
  attributionWeight: string;
  quantity: number;
  /** Set when refunds came before the commission: how much is `left` of what was sold (`of`). */
  remaining?: { left: Money; of: Money } | undefined;
}

/** What policies are matched against. */
export interface Candidate {
  line: CommissionLine;
  partner: { id: string; tier: PartnerTier; status: PartnerStatus };
  product: { id: string; category: string | null; tags: readonly string[]; supplierId: string | null };
  customer: { isNew: boolean };
  now: Date;
}
