import type { CommissionCommand } from '@tributary/commissions';
import { changeIsolated } from '../commissions/change-isolated.ts';
import { itemResult } from '../commissions/item-result.ts';
import type { ItemResult, JobRun } from '../jobs/declaration.ts';
import { contextOf } from '../jobs/job-store.ts';
import type { BulkDeps } from './job.ts';

/**
 * Changes these commissions in the name of who asked for the job, each once: what an attempt before this one changed without
 * having said so (its process was killed) counts as done.
 */
export async function carryOut(
  deps: BulkDeps,
  run: JobRun<unknown>,
  command: CommissionCommand,
  ids: readonly string[],
): Promise<ItemResult[]> {
  const items = ids.map((commissionId) => ({ commissionId, command }));
  const outcomes = await changeIsolated(deps, contextOf(run, run.actor, deps.clock()), items);
  for (const { outcome } of outcomes)
    deps.commissionMetrics.transitions.inc({ action: command.action, outcome });
  return outcomes.map(itemResult);
}
