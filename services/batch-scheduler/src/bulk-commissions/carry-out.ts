import type { CommissionCommand } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { changeIsolated } from '../commissions/change-isolated.ts';
import { itemResult } from '../commissions/item-result.ts';
import type { ItemResult, JobRun } from '../jobs/declaration.ts';
import { contextOf } from '../jobs/job-store.ts';
import type { BulkDeps } from './job.ts';

/**
 * Changes these commissions in the name of who asked for the job, each once: what an attempt before this one changed without
 * having said so (its process was killed) is found in the entries, which name the job, and counts as done.
 */
export async function carryOut(
  deps: BulkDeps,
  run: JobRun<unknown>,
  command: CommissionCommand,
  ids: readonly string[],
): Promise<ItemResult[]> {
  const before = run.resumed ? await changedBy(deps.db, run, ids) : new Set<string>();
  const items = ids.filter((id) => !before.has(id)).map((commissionId) => ({ commissionId, command }));
  const outcomes = await changeIsolated(deps, contextOf(run, run.actor, deps.clock()), items);
  for (const { outcome } of outcomes)
    deps.commissionMetrics.transitions.inc({ action: command.action, outcome });
  const results = new Map(outcomes.map((outcome) => [outcome.commissionId, itemResult(outcome)]));
  return ids.map((id) => results.get(id) ?? { id, success: true });
}

const CHANGED_BY = `
  SELECT DISTINCT commission_id AS id FROM commission_entries
  WHERE program_id = $1 AND commission_id = ANY($2::uuid[]) AND job_id = $3`;

async function changedBy(
  db: Pick<Database, 'query'>,
  run: JobRun<unknown>,
  ids: readonly string[],
): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(CHANGED_BY, [run.programId, [...ids], run.id]);
  return new Set(rows.map(({ id }) => id));
}
