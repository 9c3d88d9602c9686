import type { Metrics } from '@tributary/runtime';
import type { JobProgress } from './declaration.ts';

export type JobMetrics = ReturnType<typeof jobMetrics>;

/** Longer than requests take: a job may last from a blink to an hour. */
const JOB_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600];

/** The metrics of jobs; `job` is the name of a declaration, so labels are bounded. */
export function jobMetrics(metrics: Metrics) {
  const runs = metrics.counter({
    name: 'job_runs_total',
    help: 'Attempts at jobs, by how they ended',
    labels: ['job', 'outcome'],
  });
  const duration = metrics.histogram({
    name: 'job_duration_seconds',
    help: 'How long an attempt at a job took',
    labels: ['job', 'outcome'],
    buckets: JOB_BUCKETS,
  });
  const items = metrics.counter({
    name: 'job_items_total',
    help: 'Items that jobs dealt with',
    labels: ['job', 'outcome'],
  });
  return {
    /** Counts the failures of a job from nothing: an alert sees an increase only of a series that was there before. */
    expect(job: string): void {
      runs.inc({ job, outcome: 'failed' }, 0);
    },
    attempt(job: string, outcome: string, durationMs: number): void {
      runs.inc({ job, outcome });
      duration.observe({ job, outcome }, durationMs / 1_000);
    },
    items(job: string, progress: JobProgress): void {
      for (const outcome of ['succeeded', 'failed', 'skipped'] as const) {
        const count = progress[outcome] ?? 0;
        if (count > 0) items.inc({ job, outcome }, count);
      }
    },
  };
}
