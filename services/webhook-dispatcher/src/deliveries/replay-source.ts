import type { EventEnvelope, EventType } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import { webhookBody } from '../fan-out/webhook-body.ts';

/** A place in a range, by the time when rows were written. */
export interface ReplayPosition {
  readonly createdAt: string;
  readonly id: string;
}

export interface ReplayRange {
  readonly programId: string;
  readonly endpointId: string;
  readonly partnerId: string;
  readonly types: readonly EventType[];
  readonly from: Date;
  readonly to: Date;
  readonly after: ReplayPosition | undefined;
  readonly now: Date;
}

/** An event to deliver once more, or for the first time. */
export interface ReplayEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly body: string;
  readonly occurredAt: Date;
}

export interface ReplayPortion {
  readonly events: readonly ReplayEvent[];
  /** Where to go on; undefined at the end of the range. */
  readonly next: ReplayPosition | undefined;
}

/** The outbox is kept for 72 hours; an hour less leaves room for the job that drops its oldest partition. */
const OUTBOX_KEPT_MS = 71 * 3_600_000;
/** A delivery is written a little after its event: the sources overlap, and what both have is delivered once. */
const OVERLAP_MS = 5 * 60_000;
/**
 * Outbox rows that one statement looks at, of all partners: an index by partner would cost each event of the platform a
 * write, for the sake of a request that is rare.
 */
const SCAN_ROWS = 20_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/**
 * The next portion of what an endpoint should get of a range: from the outbox while it is kept, so that the endpoint may
 * be younger than its events; before that from the deliveries that the endpoint had.
 */
export async function readReplayPortion(
  db: Pick<Database, 'query'>,
  range: ReplayRange,
  limit: number,
): Promise<ReplayPortion> {
  const outboxSince = new Date(range.now.getTime() - OUTBOX_KEPT_MS);
  const position = range.after ?? { createdAt: range.from.toISOString(), id: FIRST_ID };
  if (new Date(position.createdAt) >= outboxSince) return readOutbox(db, range, { position, limit });
  const until = range.to < outboxSince ? range.to : outboxSince;
  const older = await readDeliveries(db, range, { position, limit, until });
  if (older.next !== undefined || range.to <= outboxSince) return older;
  const overlap = new Date(Math.max(range.from.getTime(), outboxSince.getTime() - OVERLAP_MS));
  const newer = await readOutbox(db, range, {
    position: { createdAt: overlap.toISOString(), id: FIRST_ID },
    limit,
  });
  return { events: [...older.events, ...newer.events], next: newer.next };
}

interface Slice {
  readonly position: ReplayPosition;
  readonly limit: number;
}

const DELIVERIES = `
  SELECT id, created_at, event_id, event_type, body, occurred_at FROM webhook_deliveries
  WHERE program_id = $1 AND endpoint_id = $2::uuid AND created_at < $3::timestamptz
    AND (created_at, id) > ($4::timestamptz, $5::uuid) AND event_type = ANY ($6::text[])
  ORDER BY created_at, id LIMIT $7::int`;

async function readDeliveries(
  db: Pick<Database, 'query'>,
  { programId, endpointId, types }: ReplayRange,
  { position, limit, until }: Slice & { readonly until: Date },
): Promise<ReplayPortion> {
  const events = await db.query<ReplayEvent & WrittenAt>(DELIVERIES, [
    programId,
    endpointId,
    until,
    position.createdAt,
    position.id,
    [...types],
    limit,
  ]);
  return { events, next: events.length < limit ? undefined : positionOf(events.at(-1)) };
}

// Without what is about the endpoint itself, which it does not get otherwise either. `created_at >= $1` says again what the row comparison implies, because partitions are pruned by it alone.
const OUTBOX = `
  WITH looked_at AS MATERIALIZED (
    SELECT program_id, id, created_at, type, occurred_at, data FROM outbox_events
    WHERE created_at >= $1::timestamptz AND created_at < $3::timestamptz
      AND (created_at, id) > ($1::timestamptz, $2::uuid)
    ORDER BY created_at, id LIMIT ${SCAN_ROWS}
  ), last_looked_at AS (
    SELECT created_at, id FROM looked_at ORDER BY created_at DESC, id DESC LIMIT 1
  ), found AS (
    SELECT id, created_at, type, occurred_at, data FROM looked_at
    WHERE program_id = $4 AND type = ANY ($5::text[]) AND data ->> 'partnerId' = $6
      AND data ->> 'endpointId' IS DISTINCT FROM $8
    ORDER BY created_at, id LIMIT $7::int
  )
  SELECT id, created_at, type, occurred_at, data, false AS is_end FROM found
  UNION ALL
  SELECT id, created_at, NULL, NULL, NULL, true FROM last_looked_at
  WHERE (SELECT count(*) FROM looked_at) = ${SCAN_ROWS}
  ORDER BY is_end, created_at, id`;

interface WrittenAt {
  readonly id: string;
  readonly createdAt: Date;
}

type OutboxRow = WrittenAt &
  (
    | { readonly isEnd: true }
    | (Pick<EventEnvelope, 'type' | 'data'> & { readonly isEnd: false; readonly occurredAt: Date })
  );

async function readOutbox(
  db: Pick<Database, 'query'>,
  { programId, endpointId, partnerId, types, to }: ReplayRange,
  { position, limit }: Slice,
): Promise<ReplayPortion> {
  const rows = await db.query<OutboxRow>(OUTBOX, [
    position.createdAt,
    position.id,
    to,
    programId,
    [...types],
    partnerId,
    limit,
    endpointId,
  ]);
  const found = rows.filter((row) => !row.isEnd);
  const events = found.map(({ id, type, data, occurredAt }) => ({
    eventId: id,
    eventType: type,
    body: webhookBody({ id, type, data, occurredAt: occurredAt.toISOString() }),
    occurredAt,
  }));
  // Full before the end of what was looked at: go on behind the last one found.
  const next = found.length === limit ? found.at(-1) : rows.find((row) => row.isEnd);
  return { events, next: positionOf(next) };
}

const positionOf = (row: WrittenAt | undefined): ReplayPosition | undefined =>
  row === undefined ? undefined : { createdAt: row.createdAt.toISOString(), id: row.id };
