import { fetchText, samplesIn } from './exposition.ts';
import type { Sample } from './totals.ts';

/** What a process's consumers and jobs have done so far. */
export interface Work {
  /** The release whose workers they are, and whether they run; undefined for a process that does not say. */
  readonly release: string | undefined;
  readonly isRunning: boolean;
  /** When the process began, in whole seconds: what it counts began with it. Undefined for one that does not say. */
  readonly startedAt: number | undefined;
  /** Events handled and runs of jobs that went well. */
  readonly done: number;
  /** Events that failed, whether they come again or were given up, and runs that did not come to their end. */
  readonly failed: number;
}

const METRICS = {
  running: 'workers_running',
  started: 'process_start_time_seconds',
  consumed: 'events_consumed_total',
  retried: 'event_retries_total',
  dead: 'dead_letters_total',
  runs: 'job_runs_total',
} as const;
const ENDED_WELL: ReadonlySet<string> = new Set(['succeeded', 'cancelled']);
const NAMES: ReadonlySet<string> = new Set(Object.values(METRICS));

/** Adds up what a process exposes of its work. */
export function workOf(samples: readonly Sample[]): Work {
  const sum = (metric: string, isMeant: (sample: Sample) => boolean = () => true): number =>
    samples
      .filter((sample) => sample.metric === metric && isMeant(sample))
      .reduce((total, { value }) => total + value, 0);
  // Handed back or lost is failed, too: somebody else has to do it again.
  const hasFailed = ({ labels }: Sample): boolean => !ENDED_WELL.has(labels['outcome'] ?? '');
  const find = (metric: string): Sample | undefined => samples.find((sample) => sample.metric === metric);
  const running = find(METRICS.running);
  return {
    release: running?.labels['release'],
    isRunning: running?.value === 1,
    startedAt: find(METRICS.started)?.value,
    done: sum(METRICS.consumed) + sum(METRICS.runs, (sample) => !hasFailed(sample)),
    failed: sum(METRICS.retried) + sum(METRICS.dead) + sum(METRICS.runs, hasFailed),
  };
}

/** Asks the process itself: nobody else sees what its consumers and jobs do. */
export async function readWork(url: string): Promise<Work> {
  return workOf(samplesIn(await fetchText(`${url}/metrics`), NAMES));
}
