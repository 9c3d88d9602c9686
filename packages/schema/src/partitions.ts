import type { Database } from './connect.ts';

/**
 * Makes the partitions that hold clicks (by month) and outbox events (by day) from `now` to `daysAhead` days later, and answers how
 * many were new. Rows without a partition go to a default one, and move when theirs is made.
 */
export async function ensurePartitions(db: Database, now: Date, daysAhead: number): Promise<number> {
  const [row] = await db.query<{ made: number }>('select ensure_partitions($1, $2) as made', [
    now,
    daysAhead,
  ]);
  return row?.made ?? 0;
}

/**
 * Drops the daily outbox partitions that end by `before`, save those with an unsent event, and answers how many. Throws (22023)
 * when `before` is less than 72 hours ago.
 */
export async function dropExpiredOutbox(db: Database, before: Date): Promise<number> {
  const [row] = await db.query<{ dropped: number }>('select drop_expired_outbox($1) as dropped', [before]);
  return row?.dropped ?? 0;
}
