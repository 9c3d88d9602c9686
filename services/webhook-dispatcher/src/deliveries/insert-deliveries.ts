import type { Database } from '@tributary/schema';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import type { AttemptRecord } from './record-attempts.ts';

/** A delivery that has no row yet, and what the row is to say. */
export interface NewRow {
  readonly delivery: ClaimedDelivery;
  /** Of the first attempt, when it has ended. */
  readonly record?: AttemptRecord;
  /** The first attempt is under way, or about to be made, by this process. */
  readonly isClaimed: boolean;
}

// The first attempt is kept in the delivery's row when it succeeds; otherwise it is a row of its own as well.
const INSERT = `
  WITH new AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
      $8::timestamptz[], $9::text[], $10::float8[], $11::timestamptz[], $12::int[], $13::int[], $14::text[], $15::text[])
      AS n (id, program_id, endpoint_id, partner_id, event_id, event_type, body, occurred_at, status, retry_in_ms,
        attempted_at, duration_ms, status_code, error, excerpt)
  ), inserted AS (
    INSERT INTO webhook_deliveries (id, program_id, endpoint_id, partner_id, event_id, event_type, body, occurred_at,
      claim_token, claimed_until, status, attempts, next_attempt_at, last_attempt_at, last_duration_ms, last_status_code,
      last_error, last_response_excerpt, delivered_at)
    SELECT id, program_id, endpoint_id, partner_id, event_id, event_type, body, occurred_at, 1,
      CASE WHEN status = 'claimed' THEN now() + $16::float8 * interval '1 ms' END,
      CASE WHEN status = 'claimed' THEN 'pending' ELSE status END,
      CASE WHEN attempted_at IS NULL THEN 0 ELSE 1 END,
      CASE WHEN status IN ('pending', 'claimed') THEN now() + coalesce(retry_in_ms, 0) * interval '1 ms' END,
      attempted_at, duration_ms, status_code, error, excerpt, CASE WHEN status = 'delivered' THEN now() END
    FROM new
    ON CONFLICT (program_id, event_id, endpoint_id) DO NOTHING
    RETURNING program_id, id, status, attempts, next_attempt_at, last_attempt_at, last_duration_ms, last_status_code,
      last_error, last_response_excerpt
  ), kept AS (
    INSERT INTO webhook_attempts (program_id, delivery_id, attempt, attempted_at, duration_ms, status_code, error,
      response_excerpt, next_attempt_at)
    SELECT program_id, id, attempts, last_attempt_at, last_duration_ms, last_status_code, last_error,
      last_response_excerpt, next_attempt_at
    FROM inserted WHERE attempts = 1 AND status <> 'delivered'
  )
  SELECT id FROM inserted`;

const INSERTED_BEFORE = `
  SELECT d.id FROM unnest($1::text[], $2::uuid[]) AS n (program_id, id)
  JOIN webhook_deliveries d ON d.program_id = n.program_id AND d.id = n.id`;

/**
 * Writes the rows of new deliveries, with the results of first attempts that have ended. An event and endpoint that have a
 * row already add nothing. Answers the ids written, by this call or by an earlier one whose answer was lost.
 */
export async function insertDeliveries(
  db: Pick<Database, 'query'>,
  rows: readonly NewRow[],
  leaseMs: number,
): Promise<string[]> {
  const deliveries = rows.map(({ delivery }) => delivery);
  const records = rows.map(({ record }) => record);
  const written = await db.query<{ id: string }>(INSERT, [
    deliveries.map(({ id }) => id),
    deliveries.map(({ programId }) => programId),
    deliveries.map(({ endpointId }) => endpointId),
    deliveries.map(({ partnerId }) => partnerId),
    deliveries.map(({ eventId }) => eventId),
    deliveries.map(({ eventType }) => eventType),
    deliveries.map(({ body }) => body),
    deliveries.map(({ occurredAt }) => occurredAt),
    rows.map(({ record, isClaimed }) => record?.verdict.status ?? (isClaimed ? 'claimed' : 'pending')),
    records.map((record) => (record?.verdict.status === 'pending' ? record.verdict.retryInMs : null)),
    records.map((record) => record?.attemptedAt ?? null),
    records.map((record) => record?.result.durationMs ?? null),
    records.map((record) => record?.result.statusCode ?? null),
    records.map((record) => record?.result.error ?? null),
    records.map((record) => record?.result.responseExcerpt ?? null),
    leaseMs,
  ]);
  const ids = new Set(written.map(({ id }) => id));
  const others = deliveries.filter(({ id }) => !ids.has(id));
  if (others.length === 0) return [...ids];
  const before = await db.query<{ id: string }>(INSERTED_BEFORE, [
    others.map(({ programId }) => programId),
    others.map(({ id }) => id),
  ]);
  return [...ids, ...before.map(({ id }) => id)];
}
