import type { CommandContext } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { AUDIT_COLUMNS, commandParams } from './command-params.ts';
import { deliveryFields } from './delivery-wire.ts';
import type { WireDelivery } from './delivery-wire.ts';

export type RetryOutcome =
  | { readonly outcome: 'queued'; readonly delivery: WireDelivery }
  | { readonly outcome: 'not_found' | 'endpoint_disabled' | 'in_progress' };

// A first success is moved into the history before the row takes the next attempt's result.
const RETRY = `
  WITH target AS (
    SELECT d.program_id, d.id, e.status = 'enabled' AND e.deleted_at IS NULL AS is_enabled
    FROM webhook_deliveries d
    JOIN webhook_endpoints e ON e.program_id = d.program_id AND e.id = d.endpoint_id
    WHERE d.program_id = $1 AND d.id = $2::uuid AND ($3::uuid IS NULL OR d.partner_id = $3::uuid)
  ), queued AS (
    UPDATE webhook_deliveries d
    SET status = 'pending', next_attempt_at = now(), round_start = d.attempts, claimed_until = NULL
    FROM target t
    WHERE t.is_enabled AND d.program_id = t.program_id AND d.id = t.id
      AND (d.status <> 'pending' OR d.claimed_until IS NULL OR d.claimed_until <= now())
    RETURNING new.*, old.status AS was_status
  ), kept AS (
    INSERT INTO webhook_attempts (program_id, delivery_id, attempt, attempted_at, duration_ms, status_code,
      response_excerpt)
    SELECT program_id, id, attempts, last_attempt_at, last_duration_ms, last_status_code, last_response_excerpt
    FROM queued WHERE was_status = 'delivered' AND attempts = 1
    ON CONFLICT DO NOTHING
  ), audit AS (
    INSERT INTO audit_logs (${AUDIT_COLUMNS})
    SELECT uuidv7(), program_id, 'webhook_delivery', id::text, 'retried', (SELECT u.id FROM users u WHERE u.id = $4::uuid),
      $5, '[]', NULL, $6, $7, $8, $9::timestamptz
    FROM queued
  ), kept_answer AS (
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT queued.program_id, k.key ->> 'principal', k.key ->> 'method', k.key ->> 'path', k.key ->> 'key',
      k.key ->> 'bodyHash', (k.key ->> 'status')::int,
      jsonb_build_object('success', true, 'data', jsonb_build_object(${deliveryFields('queued')}))
    FROM queued, (SELECT $10::jsonb AS key) k WHERE k.key IS NOT NULL
  )
  SELECT t.is_enabled, (SELECT jsonb_build_object(${deliveryFields('queued')}) FROM queued) AS delivery FROM target t`;

export interface RetryTarget {
  readonly id: string;
  readonly ownPartnerId: string | undefined;
}

/** Queues one delivery for now, whatever became of it before: a new round of attempts begins. */
export async function retryDelivery(
  db: Pick<Database, 'query'>,
  context: CommandContext,
  { id, ownPartnerId }: RetryTarget,
): Promise<RetryOutcome> {
  const [row] = await db.query<{ isEnabled: boolean; delivery: WireDelivery | null }>(RETRY, [
    context.programId,
    id,
    ownPartnerId ?? null,
    ...commandParams(context),
  ]);
  if (row === undefined) return { outcome: 'not_found' };
  if (row.delivery !== null) return { outcome: 'queued', delivery: row.delivery };
  return { outcome: row.isEnabled ? 'in_progress' : 'endpoint_disabled' };
}

export type RecoverOutcome =
  | { readonly outcome: 'done'; readonly recovery: Recovery }
  | { readonly outcome: 'not_found' | 'endpoint_disabled' };

export interface Recovery {
  /** Failed deliveries in the range. */
  readonly matched: number;
  /** Queued by this call. */
  readonly queued: number;
}

/** In one statement, within its time-out; whoever has more failed calls again. */
export const RECOVER_LIMIT = 10_000;

// By when a delivery failed, not by when it was made: its last attempt may come days later. The bound on its making lets an
// index find it, and leaves room for the longest schedule with a long retry-after between.
const FAILED_IN_RANGE = `d.status = 'failed' AND d.last_attempt_at >= $11::timestamptz AND d.last_attempt_at < $12::timestamptz
      AND d.created_at >= $11::timestamptz - interval '14 days'`;

const RECOVER = `
  WITH target AS (
    SELECT e.program_id, e.id, e.status = 'enabled' AS is_enabled FROM webhook_endpoints e
    WHERE e.program_id = $1 AND e.id = $2::uuid AND e.deleted_at IS NULL AND ($3::uuid IS NULL OR e.partner_id = $3::uuid)
  ), matching AS MATERIALIZED (
    SELECT count(*)::int AS total FROM target t
    JOIN webhook_deliveries d ON d.program_id = t.program_id AND d.endpoint_id = t.id
    WHERE ${FAILED_IN_RANGE}
  ), chosen AS (
    SELECT d.program_id, d.id FROM target t
    JOIN webhook_deliveries d ON d.program_id = t.program_id AND d.endpoint_id = t.id
    WHERE t.is_enabled AND NOT $13::boolean
      AND ${FAILED_IN_RANGE}
    ORDER BY d.created_at, d.id LIMIT ${RECOVER_LIMIT} FOR NO KEY UPDATE OF d SKIP LOCKED
  ), queued AS (
    UPDATE webhook_deliveries d
    SET status = 'pending', next_attempt_at = now(), round_start = d.attempts, claimed_until = NULL
    FROM chosen c WHERE d.program_id = c.program_id AND d.id = c.id AND d.status = 'failed'
    RETURNING d.id
  ), outcome AS (
    SELECT t.program_id, t.id, t.is_enabled,
      jsonb_build_object('matched', m.total, 'queued', (SELECT count(*) FROM queued)) AS recovery
    FROM target t, matching m
  ), audit AS (
    INSERT INTO audit_logs (${AUDIT_COLUMNS})
    SELECT uuidv7(), program_id, 'webhook_endpoint', id::text, 'recovered',
      (SELECT u.id FROM users u WHERE u.id = $4::uuid), $5,
      jsonb_build_array(jsonb_build_object('field', 'queued', 'oldValue', NULL, 'newValue', recovery -> 'queued')),
      NULL, $6, $7, $8, $9::timestamptz
    FROM outcome WHERE is_enabled AND NOT $13::boolean
  ), kept_answer AS (
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT o.program_id, k.key ->> 'principal', k.key ->> 'method', k.key ->> 'path', k.key ->> 'key',
      k.key ->> 'bodyHash', (k.key ->> 'status')::int, jsonb_build_object('success', true, 'data', o.recovery)
    FROM outcome o, (SELECT $10::jsonb AS key) k WHERE k.key IS NOT NULL AND o.is_enabled
  )
  SELECT is_enabled, recovery FROM outcome`;

export interface RecoverTarget extends RetryTarget {
  readonly since: Date;
  readonly until: Date;
  /** Only count. */
  readonly dryRun: boolean;
}

/** Queues again what failed at an endpoint within a range of time, oldest first. */
export async function recoverEndpoint(
  db: Pick<Database, 'query'>,
  context: CommandContext,
  { id, ownPartnerId, since, until, dryRun }: RecoverTarget,
): Promise<RecoverOutcome> {
  const [row] = await db.query<{ isEnabled: boolean; recovery: Recovery }>(RECOVER, [
    context.programId,
    id,
    ownPartnerId ?? null,
    ...commandParams(context),
    since,
    until,
    dryRun,
  ]);
  if (row === undefined) return { outcome: 'not_found' };
  if (!row.isEnabled && !dryRun) return { outcome: 'endpoint_disabled' };
  return { outcome: 'done', recovery: row.recovery };
}
