import type { Database } from '@tributary/schema';
import type { JobRun } from '../jobs/declaration.ts';

// Found by when they were confirmed (commissions_confirmed), then each by its own entries (primary key). Five minutes are for
// the clocks of processes and database, which need not agree.
const CONFIRMED_BY = `
  SELECT count(*)::int AS confirmed FROM commissions c
  JOIN commission_entries e ON e.program_id = c.program_id AND e.commission_id = c.id AND e.action = 'confirmed'
  WHERE c.program_id = $1 AND c.confirmed_at >= $2::timestamptz - interval '5 minutes' AND e.job_id = $3`;

/** How many commissions this job has confirmed so far, whichever process did it. */
export async function countConfirmedBy(db: Pick<Database, 'query'>, run: JobRun<unknown>): Promise<number> {
  const [row] = await db.query<{ confirmed: number }>(CONFIRMED_BY, [run.programId, run.startedAt, run.id]);
  return row?.confirmed ?? 0;
}
