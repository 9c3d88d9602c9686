import {
  addDrift,
  reconcileRollups as reconcile,
  RECONCILED_ROLLUPS,
  startOfUtcDay,
} from '@tributary/rollups';
import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { z } from 'zod';
import { defineJob, type JobDeclaration, type JobRun } from '../jobs/declaration.ts';
import { checkpointOf, dayRangeParameters, rangeLeft, type DayRangeParameters } from './range.ts';

export const RECONCILE_ROLLUPS = 'reconcile-rollups';

interface ReconcileDeps {
  readonly db: Database;
  readonly clock: Clock;
  /** How long a change may be on its way to the rollups before it counts as lost. */
  readonly graceMs?: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const drift = z.partialRecord(z.enum(RECONCILED_ROLLUPS), z.number());

/** What the job's stats say: keys that differed, and how many of them no longer do. */
export const reconcileStats = z.object({
  drift: drift.default({}),
  found: z.number().default(0),
  repaired: z.number().default(0),
});

/** Compares the rollups of closed days with what they should be and repairs them: it must find nothing. */
export function reconcileRollups(deps: ReconcileDeps): JobDeclaration {
  return defineJob({
    name: RECONCILE_ROLLUPS,
    schedule: { cron: '0 3 * * *', timeZone: 'UTC', catchUp: 'latest' },
    deadlineMs: 6 * HOUR_MS,
    parameters: dayRangeParameters,
    run: (run) => reconcileDays(deps, run),
  });
}

async function reconcileDays(deps: ReconcileDeps, run: JobRun<DayRangeParameters>): Promise<void> {
  const { db, clock, graceMs } = deps;
  const range = await rangeLeft(db, run, startOfUtcDay(clock()));
  let stats = reconcileStats.parse(run.stats);
  await run.report({ total: range?.days ?? 0, stats });
  if (range === undefined) return;
  const grace = graceMs === undefined ? {} : { graceMs };
  await reconcile(
    {
      db,
      signal: run.signal,
      ...grace,
      async onDay(day, found) {
        const count = countOf(found);
        const left = count === 0 ? 0 : await countDiffering(db, run.programId, day);
        if (count > 0) run.logger.error({ day, drift: found, left }, 'rollups had drifted');
        stats = {
          drift: addDrift(stats.drift, found),
          found: stats.found + count,
          repaired: stats.repaired + Math.max(0, count - left),
        };
        await run.report({ succeeded: 1, checkpoint: checkpointOf(day), stats });
      },
    },
    range,
  );
  run.signal.throwIfAborted();
}

/** What differs in a day after it was repaired. */
async function countDiffering(db: Database, programId: string, day: Date): Promise<number> {
  const to = new Date(day.getTime() + DAY_MS);
  return countOf(await reconcile({ db, graceMs: 0 }, { programId, from: day, to }));
}

function countOf(found: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(found).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
