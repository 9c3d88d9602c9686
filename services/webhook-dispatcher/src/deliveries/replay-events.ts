import type { CommandContext } from '@tributary/http-kit';
import type { EventType } from '@tributary/event-catalog';
import { PARTNER_EVENT_TYPES } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import { AUDIT_COLUMNS, commandParams } from './command-params.ts';
import { readReplayPortion } from './replay-source.ts';
import type { ReplayEvent, ReplayPosition } from './replay-source.ts';

/** Deliveries that one call queues at most: one statement within its time-out, bodies included. */
export const REPLAY_LIMIT = 2_000;
/** How long one call looks through the outbox; what is left is said by a cursor. */
const LOOKING_MS = 3_000;

export interface ReplayTarget {
  readonly id: string;
  readonly ownPartnerId: string | undefined;
  readonly from: Date;
  readonly to: Date;
  /** Of those that the endpoint subscribes to; all of them when undefined. */
  readonly eventTypes: readonly string[] | undefined;
  readonly after: ReplayPosition | undefined;
  /** Only count. */
  readonly dryRun: boolean;
}

export interface Replay {
  /** Events found by this call. */
  readonly matched: number;
  /** Queued by this call: those found, less what is pending anyway. */
  readonly queued: number;
  /** More of the range is left. */
  readonly next: ReplayPosition | undefined;
}

export type ReplayOutcome =
  | { readonly outcome: 'done'; readonly replay: Replay }
  | { readonly outcome: 'not_found' | 'endpoint_disabled' };

interface Subscriber {
  readonly partnerId: string;
  readonly eventTypes: readonly string[];
  readonly isEnabled: boolean;
}

const SUBSCRIBER = `
  SELECT partner_id, event_types, status = 'enabled' AS is_enabled FROM webhook_endpoints
  WHERE program_id = $1 AND id = $2::uuid AND deleted_at IS NULL AND ($3::uuid IS NULL OR partner_id = $3::uuid)`;

// A first success is moved into the history before the row takes the next attempt's result. In the order of event ids, so
// that two replays at once wait for each other at most.
const QUEUE = `
  WITH target AS (
    SELECT e.program_id, e.id, e.partner_id FROM webhook_endpoints e
    WHERE e.program_id = $1 AND e.id = $2::uuid AND e.deleted_at IS NULL AND e.status = 'enabled'
      AND ($3::uuid IS NULL OR e.partner_id = $3::uuid)
  ), queued AS (
    INSERT INTO webhook_deliveries AS d (id, program_id, endpoint_id, partner_id, event_id, event_type, body, occurred_at,
      next_attempt_at)
    SELECT uuidv7(), t.program_id, t.id, t.partner_id, r.event_id, r.event_type, r.body, r.occurred_at, now()
    FROM target t, unnest($11::uuid[], $12::text[], $13::text[], $14::timestamptz[])
      AS r (event_id, event_type, body, occurred_at)
    ORDER BY r.event_id
    ON CONFLICT (program_id, event_id, endpoint_id) DO UPDATE
    SET status = 'pending', next_attempt_at = now(), round_start = d.attempts, claimed_until = NULL
    WHERE d.status <> 'pending'
    RETURNING d.program_id, d.id, d.attempts, d.last_attempt_at, d.last_duration_ms, d.last_status_code,
      d.last_response_excerpt, old.status AS was_status
  ), kept AS (
    INSERT INTO webhook_attempts (program_id, delivery_id, attempt, attempted_at, duration_ms, status_code,
      response_excerpt)
    SELECT program_id, id, attempts, last_attempt_at, last_duration_ms, last_status_code, last_response_excerpt
    FROM queued WHERE was_status = 'delivered' AND attempts = 1
    ON CONFLICT DO NOTHING
  ), outcome AS (
    SELECT t.program_id, t.id, (SELECT count(*)::int FROM queued) AS queued FROM target t
  ), audit AS (
    INSERT INTO audit_logs (${AUDIT_COLUMNS})
    SELECT uuidv7(), program_id, 'webhook_endpoint', id::text, 'replayed',
      (SELECT u.id FROM users u WHERE u.id = $4::uuid), $5,
      jsonb_build_array(jsonb_build_object('field', 'queued', 'oldValue', NULL, 'newValue', queued)),
      NULL, $6, $7, $8, $9::timestamptz
    FROM outcome
  ), kept_answer AS (
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT o.program_id, k.key ->> 'principal', k.key ->> 'method', k.key ->> 'path', k.key ->> 'key',
      k.key ->> 'bodyHash', (k.key ->> 'status')::int,
      jsonb_build_object('success', true, 'data', $15::jsonb || jsonb_build_object('queued', o.queued))
    FROM outcome o, (SELECT $10::jsonb AS key) k WHERE k.key IS NOT NULL
  )
  SELECT queued FROM outcome`;

/**
 * Delivers a range of events to one endpoint again, whatever became of them before; receivers know repetitions by their
 * `webhook-id`. Reads until it has found enough or looked long enough, then queues all of it with one statement.
 *
 * @param answerOf what the API says of it; kept for the Idempotency-Key, `queued` is filled in
 */
export async function replayEvents(
  db: Pick<Database, 'query'>,
  context: CommandContext,
  target: ReplayTarget,
  answerOf: (replay: Replay) => object,
): Promise<ReplayOutcome> {
  const [endpoint] = await db.query<Subscriber>(SUBSCRIBER, targetParams(context, target));
  if (endpoint === undefined) return { outcome: 'not_found' };
  if (!endpoint.isEnabled && !target.dryRun) return { outcome: 'endpoint_disabled' };
  const { events, matched, next } = await findEvents(db, context, target, endpoint);
  if (target.dryRun) return { outcome: 'done', replay: { matched, queued: 0, next } };
  const [row] = await db.query<{ queued: number }>(QUEUE, [
    ...targetParams(context, target),
    ...commandParams(context),
    events.map(({ eventId }) => eventId),
    events.map(({ eventType }) => eventType),
    events.map(({ body }) => body),
    events.map(({ occurredAt }) => occurredAt),
    answerOf({ matched, queued: 0, next }),
  ]);
  if (row === undefined) return { outcome: 'endpoint_disabled' };
  return { outcome: 'done', replay: { matched, queued: row.queued, next } };
}

const targetParams = (context: CommandContext, { id, ownPartnerId }: ReplayTarget) => [
  context.programId,
  id,
  ownPartnerId ?? null,
];

interface Found {
  readonly events: readonly ReplayEvent[];
  readonly matched: number;
  readonly next: ReplayPosition | undefined;
}

async function findEvents(
  db: Pick<Database, 'query'>,
  { programId, now }: CommandContext,
  { id, from, to, eventTypes, after, dryRun }: ReplayTarget,
  endpoint: Subscriber,
): Promise<Found> {
  const range = { programId, endpointId: id, partnerId: endpoint.partnerId, from, to, now };
  const types = replayedTypes(endpoint, eventTypes);
  const until = performance.now() + LOOKING_MS;
  const found = new Map<string, ReplayEvent>();
  const enough = dryRun ? Infinity : REPLAY_LIMIT;
  let matched = 0;
  let next = after;
  do {
    const portion = await readReplayPortion(db, { ...range, types, after: next }, REPLAY_LIMIT);
    matched += portion.events.length;
    // A count keeps nothing, however long the range.
    if (!dryRun) for (const event of portion.events) found.set(event.eventId, event);
    next = portion.next;
  } while (next !== undefined && performance.now() < until && found.size < enough);
  return { events: [...found.values()], matched: dryRun ? matched : found.size, next };
}

function replayedTypes({ eventTypes }: Subscriber, asked: readonly string[] | undefined): EventType[] {
  return PARTNER_EVENT_TYPES.filter(
    (type) =>
      (eventTypes.length === 0 || eventTypes.includes(type)) && (asked === undefined || asked.includes(type)),
  );
}
