import { setTimeout as delay } from 'node:timers/promises';

import type { Database } from '@tributary/schema';

import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

/** The consumers and jobs of a process. */
export interface StoppableWorkers {
  stop(): unknown;
}

export interface ReleasedWorkersOptions<Running extends StoppableWorkers> {
  readonly service: string;
  readonly config: { readonly WORKERS: boolean; readonly RELEASE: string };
  readonly db: Pick<Database, 'query'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly start: () => Running | Promise<Running>;
}

export interface ReleasedWorkers<Running extends StoppableWorkers> {
  /** While they run. */
  readonly running: Running | undefined;
  /** Starts them, or begins to watch for the rollout that lets them start. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What a process is called that is not the candidate of a rollout. */
const STABLE = 'stable';
const LOOK_EVERY_MS = 1_000;

const IS_LET = 'SELECT FROM routing_weights WHERE service = $1 AND workers = $2';

/**
 * Consumers and jobs that run from the start with `WORKERS=on`. With `WORKERS=off` they run while the rollout of this
 * process's `RELEASE` says so, as its last step, and end again when it goes back. `workers_running` tells the rollout.
 */
export function releasedWorkers<Running extends StoppableWorkers>(
  options: ReleasedWorkersOptions<Running>,
): ReleasedWorkers<Running> {
  const { config, logger } = options;
  const gauge = options.metrics.gauge({
    name: 'workers_running',
    help: 'Whether consumers and jobs of this process run',
    labels: ['release'],
  });
  const stopping = new AbortController();
  let running: Running | undefined;
  let watching: Promise<void> | undefined;

  async function turn(on: boolean): Promise<void> {
    if (on === (running !== undefined)) return;
    if (on) running = await options.start();
    else {
      const ended = running;
      running = undefined;
      await ended?.stop();
    }
    gauge.set({ release: config.RELEASE }, on ? 1 : 0);
    logger.info({ release: config.RELEASE, on }, 'consumers and jobs');
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const rows = await options.db.query(IS_LET, [options.service, config.RELEASE]);
        if (!stopping.signal.aborted) await turn(rows.length > 0);
      } catch (err) {
        // With Postgres away they stay as they are; what needs it waits by itself.
        logger.debug({ err }, 'whether workers may run could not be read');
      }
      await delay(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  gauge.set({ release: config.RELEASE }, 0);
  return {
    get running() {
      return running;
    },
    async start() {
      if (config.WORKERS) await turn(true);
      else if (config.RELEASE !== STABLE) watching = watch();
    },
    async stop() {
      stopping.abort();
      await watching;
      await turn(false);
    },
  };
}
