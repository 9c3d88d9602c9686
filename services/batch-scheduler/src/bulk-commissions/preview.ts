import { decideCommand, readCommissions, type CommissionCommand } from '@tributary/commissions';
import { itemResult } from '../commissions/item-result.ts';
import type { ItemResult, JobRun } from '../jobs/declaration.ts';
import { contextOf } from '../jobs/job-store.ts';
import { addAmount, differenceOf, type Amounts } from './amounts.ts';
import type { BulkDeps } from './job.ts';

/** What would become of some commissions, and the sum of money by currency that it would concern. */
export interface Preview {
  readonly results: ItemResult[];
  readonly amounts: Amounts;
}

/**
 * Decides as the commands do and writes nothing. The money is what would be confirmed, cancelled or paid, or by how much the
 * adjustments would change what is owed.
 */
export async function preview(
  deps: BulkDeps,
  run: JobRun<unknown>,
  command: CommissionCommand,
  { ids, amounts: before }: { readonly ids: readonly string[]; readonly amounts: Amounts },
): Promise<Preview> {
  const rows = await readCommissions(deps.db, run.programId, ids);
  const commissions = new Map(rows.map((commission) => [commission.id, commission]));
  const context = contextOf(run, run.actor, deps.clock());
  let amounts = before;
  const results = ids.map((commissionId): ItemResult => {
    const commission = commissions.get(commissionId);
    if (commission === undefined) return itemResult({ commissionId, outcome: 'not_found' });
    const decision = decideCommand(commission, command, context);
    if (decision.outcome !== 'change') return itemResult({ commissionId, ...decision });
    const { amount } = decision.change;
    const moved =
      amount === undefined ? commission.commissionAmount : differenceOf(amount, commission.commissionAmount);
    amounts = addAmount(amounts, commission.currency, moved);
    return itemResult({ commissionId, outcome: 'done' });
  });
  return { results, amounts };
}
