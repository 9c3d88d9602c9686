import type { Policy } from './types.ts';

/** A policy that applies, with its specificity. */
export interface RankedPolicy {
  policy: Policy;
  specificity: number;
}

export type RankOutcome = 'winner' | 'stacked' | 'outranked' | 'excluded';

export interface Placement extends RankedPolicy {
  outcome: RankOutcome;
  reasons: string[];
}

/** Highest priority, then highest specificity, then the oldest; ids settle what is left, so that the order is total. */
function comparePolicies(a: RankedPolicy, b: RankedPolicy): number {
  return (
    b.policy.priority - a.policy.priority ||
    b.specificity - a.specificity ||
    a.policy.createdAt.getTime() - b.policy.createdAt.getTime() ||
    (a.policy.id < b.policy.id ? -1 : 1)
  );
}

/**
 * Places the policies that apply: the first wins; if it is stackable, each further stackable one is taken in order
 * unless it and one already taken exclude each other.
 */
export function placePolicies(applicable: readonly RankedPolicy[]): Placement[] {
  const [winner, ...others] = applicable.toSorted(comparePolicies);
  if (winner === undefined) return [];
  const placements: Placement[] = [{ ...winner, outcome: 'winner', reasons: [whyFirst(winner, others[0])] }];
  const taken: RankedPolicy[] = [winner];
  for (const other of others) {
    const placement = placeBehind(other, taken);
    if (placement.outcome === 'stacked') taken.push(other);
    placements.push(placement);
  }
  return placements;
}

function placeBehind(other: RankedPolicy, taken: readonly RankedPolicy[]): Placement {
  const [winner] = taken;
  if (winner === undefined) throw new RangeError('Nothing is placed before there is a winner');
  const code = winner.policy.code;
  if (!winner.policy.stackable) {
    return {
      ...other,
      outcome: 'outranked',
      reasons: [`outranked by ${code}, which ${rankReason(winner, other)}`],
    };
  }
  if (!other.policy.stackable) {
    const reason = `outranked by ${code}, which ${rankReason(winner, other)}; it is not stackable`;
    return { ...other, outcome: 'outranked', reasons: [reason] };
  }
  const excluding = taken.find(({ policy }) => areExclusive(policy, other.policy));
  if (excluding !== undefined) {
    const reason = `excluded by ${excluding.policy.code}: the two do not stack`;
    return { ...other, outcome: 'excluded', reasons: [reason] };
  }
  return { ...other, outcome: 'stacked', reasons: [`stacked on ${code}`] };
}

/** Either of the two may name the other. */
function areExclusive(a: Policy, b: Policy): boolean {
  return a.exclusiveWith.includes(b.code) || b.exclusiveWith.includes(a.code);
}

function whyFirst(winner: RankedPolicy, second: RankedPolicy | undefined): string {
  return second === undefined ? 'the only policy that applies' : rankReason(winner, second);
}

function rankReason(winner: RankedPolicy, other: RankedPolicy): string {
  if (winner.policy.priority !== other.policy.priority) {
    return `has the higher priority (${winner.policy.priority} against ${other.policy.priority})`;
  }
  if (winner.specificity !== other.specificity) {
    return `is more specific (${winner.specificity} against ${other.specificity})`;
  }
  return winner.policy.createdAt < other.policy.createdAt ? 'is older' : 'has the smaller id';
}
