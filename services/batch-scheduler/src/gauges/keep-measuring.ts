import { setTimeout as delay } from 'node:timers/promises';
import { createLease, runWithLease, type Clock, type LeasedLoop, type Logger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { measureWhole, resetWhole, type WholeGauges } from './measure.ts';

const EVERY_MS = 15_000;

/** Measures every 15 s in the one process that holds the lease; a process that lost it reports 0, so that sums stay right. */
export function keepMeasuring(deps: {
  readonly db: Database;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly holder: string;
  readonly gauges: WholeGauges;
}): LeasedLoop {
  const { db, logger, clock, holder, gauges } = deps;
  return runWithLease({
    lease: createLease({ db, name: 'batch-gauges', holder }),
    logger,
    async run(_held, signal) {
      try {
        while (!signal.aborted) {
          await measureWhole(db, gauges, clock);
          await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
        }
      } finally {
        resetWhole(gauges);
      }
    },
  });
}
