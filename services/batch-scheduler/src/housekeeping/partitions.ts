import { dropExpiredOutbox, ensurePartitions, type Database } from '@tributary/schema';
import type { Clock } from '@tributary/runtime';
import { z } from 'zod';
import { defineJob, type JobDeclaration } from '../jobs/declaration.ts';

const DAYS_AHEAD = 7;
const HOUR_MS = 3_600_000;
/** 72 hours by the database's clock, which need not agree with ours. */
const KEPT_MS = 73 * HOUR_MS;

/** Makes the partitions of the next days and drops those of outbox events that all streams have long had. */
export function maintainPartitions({
  db,
  clock,
}: {
  readonly db: Database;
  readonly clock: Clock;
}): JobDeclaration {
  return defineJob({
    name: 'maintain-partitions',
    schedule: { cron: '10 0 * * *', timeZone: 'UTC', catchUp: 'always' },
    deadlineMs: HOUR_MS / 4,
    parameters: z.strictObject({}),
    async run(run) {
      const now = clock();
      const made = await ensurePartitions(db, now, DAYS_AHEAD);
      const dropped = await dropExpiredOutbox(db, new Date(now.getTime() - KEPT_MS));
      await run.report({ total: made + dropped, succeeded: made + dropped, stats: { made, dropped } });
    },
  });
}
