import {
  postOrder,
  type CommandContext,
  type PostedOrder,
  type PostOrderDeps,
  type PostOrderOutcome,
} from '@tributary/commissions';
import { constraintName } from '@tributary/schema';
import type { ImportedLine } from '@tributary/schema/tables';
import { isConflict, isConstraint } from '../commissions/change-isolated.ts';
import type { ItemResult } from '../jobs/declaration.ts';

/** What became of a line, and whether its order is new. */
export interface ImportedResult {
  readonly result: ItemResult;
  readonly outcome: 'recorded' | 'repeated' | 'failed';
}

/** Others change the same order, customer or policy at the same time: each time one of them is done. */
const ATTEMPTS = 5;

/** Records the order of a line, or says why not. Only what may pass by itself, like a lost connection, is thrown. */
export async function importLine(
  deps: PostOrderDeps,
  context: CommandContext,
  imported: ImportedLine,
): Promise<ImportedResult> {
  const id = String(imported.line);
  const failed = (code: string, detail: string): ImportedResult => ({
    outcome: 'failed',
    result: { id, success: false, code, detail },
  });
  if ('fault' in imported) return failed('VALIDATION_ERROR', imported.fault);
  // Stored by tracking-service, which checked it.
  const order = imported.order as unknown as PostedOrder;
  try {
    const outcome = await postPatiently(deps, context, order);
    switch (outcome.outcome) {
      case 'recorded':
      case 'repeated':
        return { outcome: outcome.outcome, result: { id, success: true } };
      case 'conflict':
        return failed('CONVERSION_CONTRADICTED', outcome.detail);
      case 'invalid':
        return failed(
          'VALIDATION_ERROR',
          outcome.faults.map(({ path, message }) => `${path} ${message}`).join('; '),
        );
      case 'contended':
        return failed('CONCURRENT_CHANGE', 'Others kept changing this order.');
    }
  } catch (error) {
    if (!isConstraint(error)) throw error;
    return failed(
      'RULE_VIOLATED',
      `The order would break the database's rule ${constraintName(error) ?? 'unnamed'}.`,
    );
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
