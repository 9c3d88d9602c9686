import { countDue, systemContext } from '@tributary/commissions';
import { z } from 'zod';
import { defineJob, type JobDeclaration, type JobRun } from '../jobs/declaration.ts';
import { readJobSettings } from '../settings/job-settings.ts';
import { createChunkSize } from './chunk-size.ts';
import { confirmCarefully, knownFailures } from './confirm-carefully.ts';
import { confirmQuickly } from './confirm-quickly.ts';
import type { ConfirmDueDeps, ConfirmRun } from './confirm-run.ts';
import { countConfirmedBy } from './confirmed-by.ts';

export const CONFIRM_DUE = 'confirm-due-commissions';

const HOUR_MS = 3_600_000;

/**
 * Confirms every commission whose hold has passed and that is not under review. Nothing has to be remembered to resume: what is
 * confirmed is no longer due.
 */
export function confirmDueCommissions(deps: ConfirmDueDeps): JobDeclaration {
  return defineJob({
    name: CONFIRM_DUE,
    schedule: { cron: '0 2 * * *', timeZone: 'reporting', catchUp: 'latest' },
    deadlineMs: 2 * HOUR_MS,
    parameters: z.strictObject({}),
    run: (run) => confirmDue(deps, run),
  });
}

async function confirmDue(deps: ConfirmDueDeps, run: JobRun<unknown>): Promise<void> {
  const tally = { confirmed: 0, failed: run.failed, skipped: 0 };
  const confirmRun: ConfirmRun = {
    deps,
    run,
    size: createChunkSize(),
    except: run.resumed ? await knownFailures(deps.db, run) : new Set(),
    context: () => ({ ...systemContext(CONFIRM_DUE, run.programId, deps.clock()), jobId: run.id }),
    isPaused: async () => (await readJobSettings(deps.db, run.programId)).pauseBatchConfirmation,
    async confirmed(count) {
      tally.confirmed += count;
      deps.commissionMetrics.transitions.inc({ action: 'confirm', outcome: 'done' }, count);
      await run.report({ succeeded: count });
    },
  };
  tally.confirmed = await knownBefore(deps, run);
  const total = run.total ?? (await countDue(deps, run.programId, deps.clock()));
  await run.report({ total, succeeded: tally.confirmed - run.succeeded });

  tally.failed += await confirmAll(confirmRun);
  const paused = await confirmRun.isPaused();
  const left = paused ? 0 : (await countDue(deps, run.programId, deps.clock())) - tally.failed;
  tally.skipped = Math.max(0, left);
  const reached = tally.confirmed + tally.failed + tally.skipped;
  await run.report({
    total: paused ? total : reached,
    skipped: tally.skipped - run.skipped,
    stats: { ...statsOf(confirmRun, tally), total: paused ? total : reached, ...(paused ? { paused } : {}) },
  });
}

/** Quickly, and carefully past what is in the way. Answers how many could not be confirmed. */
async function confirmAll(confirmRun: ConfirmRun): Promise<number> {
  let failed = 0;
  while ((await confirmQuickly(confirmRun)) === 'obstructed') {
    const careful = await confirmCarefully(confirmRun);
    failed += careful.failed;
    if (careful.ended) break;
  }
  return failed;
}

function statsOf(
  { deps, run, size }: ConfirmRun,
  tally: Readonly<Record<string, number>>,
): Record<string, unknown> {
  const durationMs = Math.max(0, deps.clock().getTime() - run.startedAt.getTime());
  return { ...tally, durationMs, slowestChunkMs: Math.round(size.slowestMs) };
}

/** A process killed between a chunk and its report confirmed more than it said: the entries know. */
function knownBefore({ db }: ConfirmDueDeps, run: JobRun<unknown>): Promise<number> | number {
  return run.resumed ? countConfirmedBy(db, run) : 0;
}
