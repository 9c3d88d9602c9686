import { rebuildRollups as rebuild } from '@tributary/rollups';
import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { z } from 'zod';
import { defineJob, type JobDeclaration, type JobRun } from '../jobs/declaration.ts';
import { checkpointOf, dayRangeParameters, rangeLeft, type DayRangeParameters } from './range.ts';

interface RebuildDeps {
  readonly db: Database;
  readonly clock: Clock;
}

const HOUR_MS = 3_600_000;

/** Clocks differ: what is recorded as of a little later than now belongs to the last day. */
const AHEAD_MS = HOUR_MS;

const statsBefore = z.object({ keys: z.number().default(0) });

/** Computes the rollups of some days, or of all there are, anew from the base tables, while events flow. */
export function rebuildRollups(deps: RebuildDeps): JobDeclaration {
  return defineJob({
    name: 'rebuild-rollups',
    deadlineMs: 12 * HOUR_MS,
    parameters: dayRangeParameters,
    run: (run) => rebuildDays(deps, run),
  });
}

async function rebuildDays({ db, clock }: RebuildDeps, run: JobRun<DayRangeParameters>): Promise<void> {
  const range = await rangeLeft(db, run, new Date(clock().getTime() + AHEAD_MS));
  await run.report({ total: range?.days ?? 0 });
  if (range === undefined) return;
  let { keys } = statsBefore.parse(run.stats);
  await rebuild(
    {
      db,
      signal: run.signal,
      async onDay(day, recomputed) {
        keys += recomputed;
        await run.report({ succeeded: 1, checkpoint: checkpointOf(day), stats: { keys } });
      },
    },
    range,
  );
  run.signal.throwIfAborted();
}
