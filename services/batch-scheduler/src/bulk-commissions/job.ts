import type { CommandDeps } from '@tributary/commissions';
import type { Clock, CommissionMetrics } from '@tributary/runtime';
import { z } from 'zod';
import { defineJob, JobFailedError, type JobDeclaration, type JobRun } from '../jobs/declaration.ts';
import { readJobSettings } from '../settings/job-settings.ts';
import type { Amounts } from './amounts.ts';
import { carryOut } from './carry-out.ts';
import { targetOfFilter, targetOfIds, type BulkTarget, type Page } from './pages.ts';
import { bulkParameters, type BulkParameters } from './parameters.ts';
import { preview } from './preview.ts';

export interface BulkDeps extends CommandDeps {
  readonly clock: Clock;
  readonly commissionMetrics: CommissionMetrics;
}

const HOUR_MS = 3_600_000;

/** One action on many commissions, named by ids or by a filter, in the name of who asked. One bad item never stops the rest. */
export function bulkCommissions(deps: BulkDeps): JobDeclaration {
  return defineJob({
    name: 'bulk-commissions',
    deadlineMs: 6 * HOUR_MS,
    parameters: bulkParameters,
    run: (run) => changeInBulk(deps, run),
  });
}

async function changeInBulk(deps: BulkDeps, run: JobRun<BulkParameters>): Promise<void> {
  const target = targetOf(deps, run);
  if (run.total === null) {
    const total = await target.count();
    if (total !== undefined) await run.report({ total });
  }
  const deal = run.parameters.dryRun ? dryRun(deps, run) : realRun(deps, run);
  for await (const page of target.pagesAfter(run.checkpoint)) {
    run.signal.throwIfAborted();
    await deal(page);
  }
}

function targetOf(
  { db }: BulkDeps,
  { parameters: { target, command }, programId, createdAt }: JobRun<BulkParameters>,
): BulkTarget {
  if (target.ids !== undefined) return targetOfIds(target.ids);
  const pays = command.action === 'pay';
  return targetOfFilter(db, { programId, filter: target.filter, until: createdAt, pays });
}

function realRun(deps: BulkDeps, run: JobRun<BulkParameters>): (page: Page) => Promise<void> {
  const { command } = run.parameters;
  return async ({ ids, checkpoint, begun }) => {
    if (command.action === 'pay' && (await readJobSettings(deps.db, run.programId)).pausePayments) {
      throw new JobFailedError(
        'PAYMENTS_PAUSED: the setting pausePayments is on; what was paid before it is in the results',
      );
    }
    if (begun !== undefined) await run.report({ checkpoint: begun });
    const results = await carryOut(deps, run, command, ids);
    await run.report({ ...countsOf(results), results, checkpoint });
  };
}

const previewedBefore = z.object({ amounts: z.record(z.string(), z.string()).default({}) });

function dryRun(deps: BulkDeps, run: JobRun<BulkParameters>): (page: Page) => Promise<void> {
  let amounts: Amounts = previewedBefore.parse(run.stats).amounts;
  return async ({ ids, checkpoint }) => {
    const previewed = await preview(deps, run, run.parameters.command, { ids, amounts });
    ({ amounts } = previewed);
    const { results } = previewed;
    await run.report({ ...countsOf(results), results, checkpoint, stats: { dryRun: true, amounts } });
  };
}

function countsOf(results: readonly { readonly success: boolean }[]): { succeeded: number; failed: number } {
  const succeeded = results.filter(({ success }) => success).length;
  return { succeeded, failed: results.length - succeeded };
}
