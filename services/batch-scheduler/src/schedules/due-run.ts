import { Cron } from 'croner';
import type { JobTrigger } from '@tributary/schema';
import type { Schedule } from '../jobs/declaration.ts';

/** A later start than this counts as caught up rather than as scheduled: no scheduler was up at the moment meant. */
const PUNCTUAL_MS = 60_000;

/** A run that a schedule asks for. */
export interface DueRun {
  readonly scheduledFor: Date;
  readonly trigger: Extract<JobTrigger, 'schedule' | 'catch_up'>;
}

/** The latest moment up to `now` that the schedule means; undefined where it never was, or was missed and is not caught up. */
export function dueRun(schedule: Schedule, timeZone: string, now: Date): DueRun | undefined {
  // A millisecond on, so that the moment itself belongs to its own past.
  const [scheduledFor] = cronOf(schedule, timeZone).previousRuns(1, new Date(now.getTime() + 1));
  if (scheduledFor === undefined) return undefined;
  const missed = now.getTime() - scheduledFor.getTime() > PUNCTUAL_MS;
  if (missed && schedule.catchUp === 'skip') return undefined;
  return { scheduledFor, trigger: missed ? 'catch_up' : 'schedule' };
}

/** When the schedule comes round next, strictly after `now`. */
export function nextRun(schedule: Schedule, timeZone: string, now: Date): Date | undefined {
  return cronOf(schedule, timeZone).nextRun(now) ?? undefined;
}

const cronOf = ({ cron }: Schedule, timeZone: string): Cron =>
  new Cron(cron, { timezone: timeZone, mode: '5-part' });
