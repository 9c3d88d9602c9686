import {
  changeCommissions,
  type BulkItem,
  type BulkItemOutcome,
  type CommandContext,
  type CommandDeps,
} from '@tributary/commissions';
import { constraintName, sqlState } from '@tributary/schema';

const LOCK_TIMEOUT = '55P03';
const DEADLOCK = '40P01';

/** The row breaks a rule of the database, today and tomorrow. */
export const isConstraint = (error: unknown): boolean => sqlState(error)?.startsWith('23') ?? false;

/** It breaks a rule of the database, or holds a value that no column takes. */
export const isRefused = (error: unknown): boolean =>
  isConstraint(error) || (sqlState(error)?.startsWith('22') ?? false);

/** Somebody else held the row for too long. */
export const isConflict = (error: unknown): boolean => {
  const state = sqlState(error);
  return state === LOCK_TIMEOUT || state === DEADLOCK;
};

export type IsolatedOutcome =
  | BulkItemOutcome
  | { readonly commissionId: string; readonly outcome: 'violates'; readonly constraint: string }
  | { readonly commissionId: string; readonly outcome: 'locked' };

/**
 * `changeCommissions` in which a commission that makes the whole statement fail fails alone: the group is halved until it
 * stands apart, so that 1 bad one in 500 costs some twenty statements and not 500.
 */
export async function changeIsolated(
  deps: CommandDeps,
  context: CommandContext,
  items: readonly BulkItem[],
): Promise<IsolatedOutcome[]> {
  const [first] = items;
  if (first === undefined) return [];
  try {
    return await changeCommissions(deps, context, items);
  } catch (error) {
    if (!isConstraint(error) && !isConflict(error)) throw error;
    if (items.length === 1) return [failure(first.commissionId, error)];
  }
  const half = Math.ceil(items.length / 2);
  return [
    ...(await changeIsolated(deps, context, items.slice(0, half))),
    ...(await changeIsolated(deps, context, items.slice(half))),
  ];
}

function failure(commissionId: string, error: unknown): IsolatedOutcome {
  if (isConflict(error)) return { commissionId, outcome: 'locked' };
  return { commissionId, outcome: 'violates', constraint: constraintName(error) ?? 'unnamed' };
}
