import {
  postOrder,
  type CommandContext,
  type PostedOfSetOutcome,
  type PostedOrder,
  type PostOrderDeps,
  type PostOrderOutcome,
} from '@tributary/commissions';
import { constraintName } from '@tributary/schema';
import { isConflict, isRefused } from '../commissions/change-isolated.ts';
import type { ItemResult } from '../jobs/declaration.ts';

/** What became of a line, and whether its order is new. */
export interface ImportedResult {
  readonly result: ItemResult;
  readonly outcome: 'recorded' | 'repeated' | 'failed';
}

/** A line that cannot be imported, and why. */
export const failedLine = (line: number, code: string, detail: string): ImportedResult => ({
  outcome: 'failed',
  result: { id: String(line), success: false, code, detail },
});

type Settled = PostOrderOutcome | PostedOfSetOutcome;

/** What the outcome of its order says of a line. */
export function importedLine(line: number, outcome: Settled): ImportedResult {
  switch (outcome.outcome) {
    case 'recorded':
    case 'repeated':
      return { outcome: outcome.outcome, result: { id: String(line), success: true } };
    case 'conflict':
      return failedLine(line, 'CONVERSION_CONTRADICTED', outcome.detail);
    case 'invalid': {
      const faults = outcome.faults.map(({ path, message }) => `${path} ${message}`);
      return failedLine(line, 'VALIDATION_ERROR', faults.join('; '));
    }
    case 'apart':
    case 'contended':
      return failedLine(line, 'CONCURRENT_CHANGE', 'Others kept changing this order.');
  }
}

/** Others change the same order, customer or policy at the same time: each time one of them is done. */
const ATTEMPTS = 5;

/** Records the order of a line by itself, or says why not. Only what may pass by itself, like a lost connection, is thrown. */
export async function importLine(
  deps: PostOrderDeps,
  context: CommandContext,
  { line, order }: { readonly line: number; readonly order: PostedOrder },
): Promise<ImportedResult> {
  try {
    return importedLine(line, await postPatiently(deps, context, order));
  } catch (error) {
    if (!isRefused(error)) throw error;
    const rule = constraintName(error) ?? 'unnamed';
    return failedLine(line, 'RULE_VIOLATED', `The order would break the database's rule ${rule}.`);
  }
}

async function postPatiently(
  deps: PostOrderDeps,
  context: CommandContext,
  order: PostedOrder,
): Promise<PostOrderOutcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcome = await postOrder(deps, context, order);
      if (outcome.outcome !== 'contended' || attempt === ATTEMPTS) return outcome;
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    }
  }
}
