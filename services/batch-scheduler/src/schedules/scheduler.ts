import type { CommandDeps } from '@tributary/commissions';
import type { Clock, Logger } from '@tributary/runtime';
import { DEFAULT_PROGRAM } from '@tributary/schema';
import { createBell } from '../jobs/bell.ts';
import type { JobDeclaration, Schedule } from '../jobs/declaration.ts';
import { readJobSettings } from '../settings/job-settings.ts';
import { dueRun, nextRun } from './due-run.ts';
import { queueRun } from './queue-run.ts';

export interface SchedulerDeps extends CommandDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly jobs: readonly JobDeclaration[];
  /** REPORTING_TZ: holds where the setting was never made. */
  readonly reportingTimeZone: string;
  /** A run was queued here. */
  readonly onQueued: () => void;
}

export interface Scheduler {
  /** A setting changed, perhaps the time zone. */
  wake(): void;
  stop(): Promise<void>;
}

/** Looked at least this often: clocks are set and machines sleep. */
const LOOK_EVERY_MS = 30_000;
const RETRY_MS = 2_000;
const EARLIEST_MS = 10;

/** Queues what is due by the declarations' schedules. Any number of processes may; each run is queued once. */
export function startScheduler(deps: SchedulerDeps): Scheduler {
  const stopping = new AbortController();
  const bell = createBell();
  const seen = new Map<string, number>();

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await bell.wait(await lookOrRetry(deps, seen), stopping.signal);
    }
  }

  const running = loop();
  return {
    wake: () => bell.ring(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function lookOrRetry(deps: SchedulerDeps, seen: Map<string, number>): Promise<number> {
  try {
    const next = await queueDueRuns(deps, seen);
    const wait = next === undefined ? LOOK_EVERY_MS : next.getTime() - deps.clock().getTime();
    return Math.min(Math.max(wait, EARLIEST_MS), LOOK_EVERY_MS);
  } catch (err) {
    deps.logger.warn({ err }, 'schedules could not be looked at; tried again');
    return RETRY_MS;
  }
}

/**
 * Queues the latest due run of each scheduled job, unless `seen` says that it was asked for already.
 * @returns when the next one is due
 */
export async function queueDueRuns(
  deps: SchedulerDeps,
  seen: Map<string, number>,
): Promise<Date | undefined> {
  const settings = await readJobSettings(deps.db, DEFAULT_PROGRAM);
  const reporting = settings.reportingTimeZone ?? deps.reportingTimeZone;
  const now = deps.clock();
  let soonest: Date | undefined;
  for (const { name, schedule } of deps.jobs) {
    if (schedule === undefined) continue;
    const timeZone = schedule.timeZone === 'reporting' ? reporting : schedule.timeZone;
    await queueWhenDue(deps, { name, schedule, timeZone, now }, seen);
    const next = nextRun(schedule, timeZone, now);
    if (next !== undefined && (soonest === undefined || next < soonest)) soonest = next;
  }
  return soonest;
}

interface Look {
  readonly name: string;
  readonly schedule: Schedule;
  readonly timeZone: string;
  readonly now: Date;
}

async function queueWhenDue(
  deps: SchedulerDeps,
  { name, schedule, timeZone, now }: Look,
  seen: Map<string, number>,
): Promise<void> {
  const due = dueRun(schedule, timeZone, now);
  if (due === undefined || seen.get(name) === due.scheduledFor.getTime()) return;
  const always = schedule.catchUp === 'always';
  const queued = await queueRun(deps, { ...due, name, programId: DEFAULT_PROGRAM, now, always });
  seen.set(name, due.scheduledFor.getTime());
  if (!queued) return;
  deps.logger.info({ job: name, ...due }, 'scheduled run queued');
  deps.onQueued();
}
