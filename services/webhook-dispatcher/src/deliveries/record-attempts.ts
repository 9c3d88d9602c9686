import type { Database } from '@tributary/schema';
import type { AttemptResult } from './http-attempt.ts';
import type { ClaimedDelivery } from './claimed-delivery.ts';

export type Verdict =
  | { readonly status: 'delivered' }
  | { readonly status: 'failed' }
  | { readonly status: 'pending'; readonly retryInMs: number };

/** An attempt that was made, and what follows from it. */
export interface AttemptRecord {
  readonly delivery: ClaimedDelivery;
  readonly attemptedAt: Date;
  readonly result: AttemptResult;
  readonly verdict: Verdict;
}

// Written so that the index of pending rows cannot serve it: the planner takes those rows for few and reads all of them,
// dead ones included, for each batch, where the key finds each row at once. It was the larger half of Postgres's work.
const STILL_PENDING = `coalesce(d.status, '') = 'pending'`;

// Rows whose token has moved on are not touched: their writer is late, and a newer attempt is under way or done.
// Nor are rows that hold the result already: a statement whose answer was lost may have done its work, and comes again.
// The first attempt is kept in the delivery's row when it succeeds; every other one is a row of its own.
const RECORD = `
  WITH result AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[], $5::float8[], $6::timestamptz[], $7::int[],
      $8::int[], $9::text[], $10::text[], $11::int[])
      AS r (program_id, id, claim_token, status, retry_in_ms, attempted_at, duration_ms, status_code, error, excerpt,
        attempts_before)
  ), updated AS (
    UPDATE webhook_deliveries d
    SET status = r.status,
      attempts = d.attempts + 1,
      next_attempt_at = now() + r.retry_in_ms * interval '1 ms',
      claimed_until = NULL,
      last_status_code = r.status_code,
      last_error = r.error,
      last_duration_ms = r.duration_ms,
      last_attempt_at = r.attempted_at,
      last_response_excerpt = r.excerpt,
      delivered_at = CASE WHEN r.status = 'delivered' THEN now() ELSE d.delivered_at END
    FROM result r
    WHERE d.program_id = r.program_id AND d.id = r.id AND d.claim_token = r.claim_token
      AND d.attempts = r.attempts_before AND ${STILL_PENDING}
    RETURNING d.program_id, d.id, d.attempts, d.status, d.next_attempt_at, d.last_attempt_at, d.last_duration_ms,
      d.last_status_code, d.last_error, d.last_response_excerpt
  ), kept AS (
    INSERT INTO webhook_attempts (program_id, delivery_id, attempt, attempted_at, duration_ms, status_code, error,
      response_excerpt, next_attempt_at)
    SELECT program_id, id, attempts, last_attempt_at, last_duration_ms, last_status_code, last_error,
      last_response_excerpt, next_attempt_at
    FROM updated WHERE NOT (status = 'delivered' AND attempts = 1)
  )
  SELECT id FROM updated`;

// Under one token there is one attempt at most.
const RECORDED_BEFORE = `
  SELECT d.id FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::int[])
    AS r (program_id, id, claim_token, attempts_before)
  JOIN webhook_deliveries d ON d.program_id = r.program_id AND d.id = r.id
  WHERE d.claim_token = r.claim_token AND d.attempts = r.attempts_before + 1`;

/**
 * Writes a batch of results. Answers the ids that were still ours to write, or that an earlier call has written which did
 * not live to hear of it.
 */
export async function recordAttempts(db: Database, records: readonly AttemptRecord[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(RECORD, [
    records.map(({ delivery }) => delivery.programId),
    records.map(({ delivery }) => delivery.id),
    records.map(({ delivery }) => delivery.claimToken),
    records.map(({ verdict }) => verdict.status),
    records.map(({ verdict }) => (verdict.status === 'pending' ? verdict.retryInMs : null)),
    records.map(({ attemptedAt }) => attemptedAt),
    records.map(({ result }) => result.durationMs),
    records.map(({ result }) => result.statusCode),
    records.map(({ result }) => result.error),
    records.map(({ result }) => result.responseExcerpt),
    records.map(({ delivery }) => delivery.attempts),
  ]);
  const written = rows.map(({ id }) => id);
  return written.length === records.length
    ? written
    : [...written, ...(await recordedBefore(db, records, written))];
}

async function recordedBefore(
  db: Database,
  records: readonly AttemptRecord[],
  written: readonly string[],
): Promise<string[]> {
  const known = new Set(written);
  const others = records.map(({ delivery }) => delivery).filter(({ id }) => !known.has(id));
  const rows = await db.query<{ id: string }>(RECORDED_BEFORE, [
    others.map(({ programId }) => programId),
    others.map(({ id }) => id),
    others.map(({ claimToken }) => claimToken),
    others.map(({ attempts }) => attempts),
  ]);
  return rows.map(({ id }) => id);
}

const RELEASE = `
  UPDATE webhook_deliveries d SET claimed_until = NULL
  FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS r (program_id, id, claim_token)
  WHERE d.program_id = r.program_id AND d.id = r.id AND d.claim_token = r.claim_token AND ${STILL_PENDING}`;

/** Gives claims back unused, so that whoever has room takes them at once. */
export async function releaseClaims(db: Database, deliveries: readonly ClaimedDelivery[]): Promise<void> {
  await db.query(RELEASE, [
    deliveries.map(({ programId }) => programId),
    deliveries.map(({ id }) => id),
    deliveries.map(({ claimToken }) => claimToken),
  ]);
}
