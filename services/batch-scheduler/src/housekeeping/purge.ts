import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { z } from 'zod';
import { defineJob, type JobDeclaration, type JobRun } from '../jobs/declaration.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Rows a statement: a tenth of a second, so that nobody waits for a lock of ours. */
const CHUNK = 5_000;

interface Rule {
  readonly table: string;
  /** Rows that nobody needs any more; $1 is the moment before which they are too old. Found by an index. */
  readonly where: string;
  readonly keptMs: number;
}

const FINISHED_JOBS = `SELECT FROM jobs j WHERE j.program_id = job_results.program_id AND j.id = job_results.job_id
  AND j.finished_at < $1`;

/** Results go before their jobs, so that no job takes a million of them along in one statement; attempts likewise. */
const RULES: readonly Rule[] = [
  { table: 'idempotency_keys', where: 'created_at < $1', keptMs: DAY_MS },
  { table: 'consumed_events', where: 'consumed_at < $1', keptMs: 40 * DAY_MS },
  // A week more than they are good for: a stolen one that is used late is still recognised and logged as such.
  { table: 'refresh_tokens', where: 'expires_at < $1', keptMs: 7 * DAY_MS },
  {
    table: 'webhook_deliveries',
    where: `program_id = 'default' AND created_at < $1 AND status <> 'pending'`,
    keptMs: 90 * DAY_MS,
  },
  // What an import left behind that never became a job, or whose job did not succeed.
  {
    table: 'conversion_import_chunks',
    where: `created_at < $1 AND NOT EXISTS (SELECT FROM jobs j WHERE j.program_id = conversion_import_chunks.program_id
      AND j.id = conversion_import_chunks.import_id AND j.finished_at IS NULL)`,
    keptMs: 7 * DAY_MS,
  },
  { table: 'job_results', where: `EXISTS (${FINISHED_JOBS})`, keptMs: 180 * DAY_MS },
  {
    table: 'jobs',
    where: `program_id = 'default' AND created_at < $1 AND finished_at < $1`,
    keptMs: 180 * DAY_MS,
  },
];

/** Deletes what is kept for a time only. */
export function purgeExpired(deps: { readonly db: Database; readonly clock: Clock }): JobDeclaration {
  return defineJob({
    name: 'purge-expired',
    schedule: { cron: '40 3 * * *', timeZone: 'UTC', catchUp: 'latest' },
    deadlineMs: HOUR_MS,
    parameters: z.strictObject({}),
    async run(run) {
      for (const rule of RULES) await purge(deps, run, rule);
    },
  });
}

async function purge(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  run: JobRun<unknown>,
  { table, where, keptMs }: Rule,
): Promise<void> {
  const before = new Date(clock().getTime() - keptMs);
  const statement = `
    WITH purged AS (
      DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT $2::int FOR UPDATE SKIP LOCKED))
      RETURNING 1)
    SELECT count(*)::int AS purged FROM purged`;
  let total = 0;
  for (;;) {
    const [row] = await db.query<{ purged: number }>(statement, [before, CHUNK]);
    const purged = row?.purged ?? 0;
    total += purged;
    await run.report({ succeeded: purged, stats: { [table]: total } });
    if (purged < CHUNK) return;
  }
}
