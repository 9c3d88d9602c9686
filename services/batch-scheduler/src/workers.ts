import type { CommandDeps } from '@tributary/commissions';
import { startSweeper, subscribeBroadcast, type Messaging } from '@tributary/messaging';
import { commissionMetrics, newId, type Clock, type Logger, type Metrics } from '@tributary/runtime';
import { bulkCommissions } from './bulk-commissions/job.ts';
import { confirmDueCommissions } from './confirm-due/job.ts';
import { keepMeasuring } from './gauges/keep-measuring.ts';
import { wholeGauges } from './gauges/measure.ts';
import { anonymiseClicks } from './housekeeping/anonymise-clicks.ts';
import { maintainPartitions } from './housekeeping/partitions.ts';
import { purgeExpired } from './housekeeping/purge.ts';
import { importConversions } from './imports/job.ts';
import type { JobDeclaration } from './jobs/declaration.ts';
import { jobMetrics } from './jobs/metrics.ts';
import { startJobRunner } from './jobs/runner.ts';
import { rebuildRollups } from './rollups/rebuild-rollups.ts';
import { reconcileRollups } from './rollups/reconcile-rollups.ts';
import { startScheduler } from './schedules/scheduler.ts';

export interface JobDeps extends CommandDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** Every job of the platform. */
export function declareJobs({ metrics, ...deps }: JobDeps): JobDeclaration[] {
  const command = { ...deps, commissionMetrics: commissionMetrics(metrics) };
  return [
    confirmDueCommissions(command),
    bulkCommissions(command),
    importConversions(command),
    maintainPartitions(deps),
    purgeExpired(deps),
    anonymiseClicks(deps),
    rebuildRollups(deps),
    reconcileRollups(deps),
  ];
}

export interface WorkerDeps extends JobDeps {
  readonly logger: Logger;
  readonly messaging: Messaging;
  readonly reportingTimeZone: string;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly pollMs: number;
}

export interface Workers {
  /** Hands running jobs back at their checkpoints. */
  stop(): Promise<void>;
}

/** The runner, the schedules, what wakes them, the gauges and the sweeper. */
export function startWorkers(deps: WorkerDeps): Workers {
  const { db, messaging, logger, clock, metrics } = deps;
  const holder = `batch-scheduler:${newId()}`;
  const jobs = declareJobs(deps);
  const runner = startJobRunner({ ...deps, jobs, holder, metrics: jobMetrics(metrics) });
  const scheduler = startScheduler({ ...deps, jobs, onQueued: () => runner.wake() });
  const broadcast = subscribeBroadcast(messaging, {
    name: 'jobs',
    types: ['job.queued', 'setting.changed'],
    onEvent: ({ type }) => (type === 'job.queued' ? runner.wake() : scheduler.wake()),
    onReset: () => {
      runner.wake();
      scheduler.wake();
    },
  });
  const gauges = keepMeasuring({ db, logger, clock, holder, gauges: wholeGauges(metrics) });
  const sweeper = startSweeper({ messaging, db });
  return {
    async stop() {
      await Promise.all([broadcast.stop(), scheduler.stop()]);
      await Promise.all([runner.stop(), gauges.stop(), sweeper.stop()]);
    },
  };
}
