import { clawBackCommission, type ClawBackInput, type CommandContext } from '@tributary/commissions';
import type { OperationsDeps } from '../deps.ts';
import { commissionNotFound, contended, invalidField, refused, stale } from './answer-outcome.ts';

/** Claws back and answers the JSON text of the claw-back; every other outcome is thrown as its problem. */
export async function clawBack(
  deps: OperationsDeps,
  context: CommandContext,
  input: ClawBackInput,
): Promise<string> {
  const outcome = await clawBackCommission(deps, context, input);
  deps.commissionMetrics.transitions.inc({ action: 'clawback', outcome: outcome.outcome });
  switch (outcome.outcome) {
    case 'done':
      return outcome.commission;
    case 'not_found':
      throw commissionNotFound(input.commissionId);
    case 'refused':
      throw refused(outcome);
    case 'invalid':
      throw invalidField(outcome);
    case 'stale':
      throw stale(outcome);
    case 'contended':
      throw contended();
  }
}
