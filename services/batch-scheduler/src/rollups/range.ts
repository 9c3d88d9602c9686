import { findFirstMoment, startOfUtcDay } from '@tributary/rollups';
import type { Database } from '@tributary/schema';
import { z } from 'zod';
import type { JobRun } from '../jobs/declaration.ts';

const moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

/** Whole days (UTC) from the one of `from` to the one of `to`; without them as far as there is anything. */
export const dayRangeParameters = z.strictObject({ from: moment.optional(), to: moment.optional() });

export type DayRangeParameters = z.output<typeof dayRangeParameters>;

const dayCheckpoint = z.object({ day: z.iso.datetime() });

const DAY_MS = 86_400_000;

/** The days that a run has to go through, and those of them that are left to this attempt. */
export interface RunRange {
  readonly programId: string;
  readonly from: Date;
  readonly to: Date;
  /** Days altogether, done ones included. */
  readonly days: number;
}

/** `latest` bounds what was not named, and what was. Undefined where there is nothing to do. */
export async function rangeLeft(
  db: Pick<Database, 'query'>,
  run: JobRun<DayRangeParameters>,
  latest: Date,
): Promise<RunRange | undefined> {
  const { programId, parameters, checkpoint } = run;
  const first =
    parameters.from === undefined ? await findFirstMoment(db, programId) : new Date(parameters.from);
  if (first === undefined) return undefined;
  const named = parameters.to === undefined ? latest : new Date(parameters.to);
  const to = new Date(Math.min(named.getTime(), latest.getTime()));
  const start = startOfUtcDay(first);
  if (start >= to) return undefined;
  const days = Math.ceil((to.getTime() - start.getTime()) / DAY_MS);
  const from =
    checkpoint === null ? start : new Date(new Date(dayCheckpoint.parse(checkpoint).day).getTime() + DAY_MS);
  return { programId, from, to, days };
}

/** What to remember once a day is done. */
export const checkpointOf = (day: Date): z.output<typeof dayCheckpoint> => ({ day: day.toISOString() });
