import { eventCatalog, isEventType } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';

/** A row of the outbox, and where it is. */
export interface UnsentEvent {
  id: string;
  type: string;
  version: number;
  occurredAt: string;
  programId: string;
  subject: object;
  actor: object;
  requestId: string | null;
  data: object;
  createdAt: Date;
}

type UnsentRow = Omit<UnsentEvent, 'version' | 'occurredAt'> & { occurredAt: Date };

/** Where a sweep has come to; `-infinity` is before every row. Moments are kept to the millisecond, so a Date is exact. */
export interface SweepPosition {
  readonly createdAt: Date | '-infinity';
  readonly id: string;
}

export const SWEEP_START: SweepPosition = {
  createdAt: '-infinity',
  id: '00000000-0000-0000-0000-000000000000',
};

/** Younger rows are in the hands of the process that wrote them. */
const GRACE = `interval '2 seconds'`;

// `created_at >= $1` says again what the row comparison implies, because partitions are pruned by it alone.
const LIST_UNSENT = `
  SELECT id, type, program_id, subject, actor, request_id, data, occurred_at, created_at
  FROM outbox_events
  WHERE sent_at IS NULL AND created_at < now() - ${GRACE}
    AND created_at >= $1::timestamptz AND (created_at, id) > ($1::timestamptz, $2::uuid)
  ORDER BY created_at, id
  LIMIT $3::int`;

/** Unsent events in order of creation, from a position on. */
export async function listUnsent(
  db: Pick<Database, 'query'>,
  after: SweepPosition,
  limit: number,
): Promise<UnsentEvent[]> {
  const rows = await db.query<UnsentRow>(LIST_UNSENT, [after.createdAt, after.id, limit]);
  return rows.map(({ occurredAt, ...row }) => ({
    ...row,
    version: versionOf(row.type),
    occurredAt: occurredAt.toISOString(),
  }));
}

/** A type that a newer release wrote is sent all the same: its readers are of that release too. */
function versionOf(type: string): number {
  return isEventType(type) ? eventCatalog[type].version : 1;
}

/** Past this the exact number says nothing more, and counting would cost. */
const COUNT_LIMIT = 100_000;

const COUNT_UNSENT = `
  SELECT count(*)::int AS pending
  FROM (SELECT FROM outbox_events WHERE sent_at IS NULL AND created_at < now() - ${GRACE} LIMIT ${COUNT_LIMIT}) AS unsent`;

/** How many rows should have been sent and are not; counts to 100,000 at most. */
export async function countUnsent(db: Pick<Database, 'query'>): Promise<number> {
  const [row] = await db.query<{ pending: number }>(COUNT_UNSENT);
  return row?.pending ?? 0;
}

/** Ten minutes of events at a time keeps each statement far below its time-out. */
const WINDOW = `interval '10 minutes'`;
const MAX_PER_STATEMENT = 5_000;

const OLDEST = `SELECT min(created_at)::text AS oldest FROM outbox_events`;

const MARK_UNSENT = `
  WITH lost AS MATERIALIZED (
    SELECT created_at, id, program_id FROM outbox_events
    WHERE created_at >= $1::timestamptz AND created_at < $1::timestamptz + ${WINDOW}
      AND sent_at >= $2::timestamptz AND split_part(type, '.', 1) = ANY ($3::text[])
    ORDER BY created_at, id
    LIMIT ${MAX_PER_STATEMENT}
    FOR NO KEY UPDATE
  ), marked AS (
    UPDATE outbox_events AS event SET sent_at = NULL FROM lost
    WHERE event.created_at = lost.created_at AND event.id = lost.id AND event.program_id = lost.program_id
    RETURNING 1
  )
  SELECT (SELECT count(*)::int FROM marked) AS marked, ($1::timestamptz + ${WINDOW})::text AS next,
    ($1::timestamptz + ${WINDOW} > now()) AS done`;

interface MarkedWindow {
  marked: number;
  next: string;
  done: boolean;
}

/**
 * Marks as unsent what was sent since a moment on subjects of these families, whenever it was created: the sweep that
 * follows publishes it anew. Can be repeated or cut short; each statement is complete in itself.
 * @param since an instant as text, or `-infinity`
 */
export async function markUnsentSince(
  db: Pick<Database, 'query'>,
  lost: { readonly since: string; readonly families: readonly string[] },
  signal: AbortSignal,
): Promise<number> {
  const [first] = await db.query<{ oldest: string | null }>(OLDEST);
  let from = first?.oldest ?? null;
  let total = 0;
  while (from !== null && !signal.aborted) {
    const [window]: MarkedWindow[] = await db.query<MarkedWindow>(MARK_UNSENT, [
      from,
      lost.since,
      [...lost.families],
    ]);
    if (window === undefined) break;
    total += window.marked;
    if (window.marked === MAX_PER_STATEMENT) continue;
    from = window.done ? null : window.next;
  }
  return total;
}
