import type { Money } from '../money/index.ts';
import { calculateCommission, type ArithmeticStep } from './calculate.ts';
import { matchPolicy } from './match.ts';
import { placePolicies, type RankedPolicy, type RankOutcome } from './ranking.ts';
import type { Candidate, CommissionLine, Policy } from './types.ts';

/** Why a policy was or was not used. */
export interface ConsideredPolicy {
  policyId: string;
  code: string;
  version: number;
  priority: number;
  /** Null where the policy did not apply. */
  specificity: number | null;
  outcome: RankOutcome | 'not_applicable' | 'limit_reached';
  reasons: string[];
}

/** What `metadata.decision` keeps: plain JSON, enough to retell the decision without reading anything else. */
export interface Decision {
  outcome: 'commission' | 'none';
  decidedAt: string;
  summary: string;
  line: CommissionLine;
  partner: Candidate['partner'];
  product: Candidate['product'];
  customer: Candidate['customer'];
  considered: ConsideredPolicy[];
  arithmetic: ArithmeticStep[];
  amount: Money | null;
  rate: string | null;
}

/** A policy that took part, the winner first; each one's usage counts. */
export interface UsedPolicy {
  policyId: string;
  code: string;
  version: number;
  /** Its part of the commission: the parts add up to the amount. */
  amount: Money;
}

export type CommissionDecision =
  | {
      outcome: 'commission';
      /** Owns the commission: its id, version, type and holdDays go into the row. */
      winner: Policy;
      amount: Money;
      /** The winner's percent; null where it pays an amount. */
      rate: string | null;
      policiesUsed: UsedPolicy[];
      decision: Decision;
    }
  | { outcome: 'none'; decision: Decision };

/**
 * Decides what commission one partner's part of a line earns: matches every policy, places those that apply, and
 * prices the line. Pure: the same input gives the same decision, in whatever order the policies come. The statement
 * that writes the commission checks again what may have changed since (policy version, partner status, usage).
 * @throws {RangeError} when amounts do not fit their currency
 */
export function decideCommission(input: Candidate & { policies: readonly Policy[] }): CommissionDecision {
  const { policies, ...candidate } = input;
  if (candidate.partner.status !== 'active') {
    return none(candidate, [], `No commission: the partner is ${candidate.partner.status}.`);
  }
  const applicable: RankedPolicy[] = [];
  const turnedDown: ConsideredPolicy[] = [];
  for (const policy of policies) {
    const match = matchPolicy(policy, candidate);
    if (match.applies) applicable.push({ policy, specificity: match.specificity });
    else
      turnedDown.push({
        ...identity(policy),
        specificity: null,
        outcome: match.outcome,
        reasons: match.reasons,
      });
  }
  turnedDown.sort((a, b) => b.priority - a.priority || (a.code < b.code ? -1 : 1));
  return settle(candidate, applicable, turnedDown);
}

function settle(
  candidate: Candidate,
  applicable: readonly RankedPolicy[],
  turnedDown: readonly ConsideredPolicy[],
): CommissionDecision {
  const placements = placePolicies(applicable);
  const used = placements.filter(({ outcome }) => outcome === 'winner' || outcome === 'stacked');
  const winner = used[0]?.policy;
  if (winner === undefined) {
    return none(candidate, turnedDown, `No commission: ${whyNone(turnedDown)}.`);
  }
  const { amount, rate, parts, steps } = calculateCommission(
    used.map(({ policy }) => policy),
    candidate.line,
  );
  const policiesUsed = used.map(({ policy }, index) => ({
    policyId: policy.id,
    code: policy.code,
    version: policy.version,
    amount: parts[index] ?? amount,
  }));
  const considered = placements.map(({ policy, specificity, outcome, reasons }) => ({
    ...identity(policy),
    specificity,
    outcome,
    reasons,
  }));
  const codes = policiesUsed.map(({ code }) => code).join(' and ');
  const decision: Decision = {
    ...facts(candidate),
    outcome: 'commission',
    summary: `${amount} ${candidate.line.currency} by ${codes}.`,
    considered: [...considered, ...turnedDown],
    arithmetic: steps,
    amount,
    rate,
  };
  return { outcome: 'commission', winner, amount, rate, policiesUsed, decision };
}

/** How many policies a summary names; the decision has them all. */
const NAMED_IN_SUMMARY = 3;

function whyNone(turnedDown: readonly ConsideredPolicy[]): string {
  if (turnedDown.length === 0) return 'there is no policy';
  const named = turnedDown
    .slice(0, NAMED_IN_SUMMARY)
    .map(({ code, reasons }) => `${code}: ${reasons.join(', ')}`);
  const more = turnedDown.length - named.length;
  return `no policy applies (${named.join('; ')}${more > 0 ? `; and ${more} more` : ''})`;
}

function none(
  candidate: Candidate,
  considered: readonly ConsideredPolicy[],
  summary: string,
): CommissionDecision {
  const unpriced = { arithmetic: [], amount: null, rate: null };
  const decision: Decision = {
    ...facts(candidate),
    outcome: 'none',
    summary,
    considered: [...considered],
    ...unpriced,
  };
  return { outcome: 'none', decision };
}

/** Picks what was decided upon: callers may hand in whole rows, whose names and addresses have no place in here. */
function facts({ line, partner, product, customer, now }: Candidate) {
  return {
    decidedAt: now.toISOString(),
    line: { ...line },
    partner: { id: partner.id, tier: partner.tier, status: partner.status },
    product: {
      id: product.id,
      category: product.category,
      tags: [...product.tags],
      supplierId: product.supplierId,
    },
    customer: { isNew: customer.isNew },
  };
}

function identity(policy: Policy) {
  const { id: policyId, code, version, priority } = policy;
  return { policyId, code, version, priority };
}
