import type { Database } from '@tributary/schema';
import { targetColumns } from '../endpoints/target.ts';
import { CLAIM_LEASE_MS } from '../deliveries/claim.ts';
import type { ClaimedDelivery } from '../deliveries/claimed-delivery.ts';

/** An event as it will be sent, and to whom. */
export interface OutgoingEvent {
  readonly programId: string;
  readonly partnerId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly body: string;
  readonly occurredAt: string;
}

export interface FanOutInput {
  readonly events: readonly OutgoingEvent[];
  /** How many deliveries of each partner the caller can send at once; these come back claimed for it. */
  readonly capacity: ReadonlyMap<string, number>;
  /** Endpoints that the caller has enough for already. */
  readonly heldEndpoints: readonly string[];
  readonly rateShare: number;
}

export interface FanOutResult {
  /** Claimed by the statement that wrote them: no poll, no second statement between the event and its first attempt. */
  readonly claimed: readonly ClaimedDelivery[];
  /** Rows written, claimed or not. */
  readonly inserted: number;
}

// The clocks of two machines may differ by this much; an endpoint gets no events from before it existed.
const CLOCK_SKEW = `interval '5 seconds'`;

const FAN_OUT = `
  WITH event AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[])
      WITH ORDINALITY AS e (program_id, partner_id, event_id, event_type, body, occurred_at, position)
  ), target AS (
    SELECT event.*, e.id AS endpoint_id, coalesce(room.capacity, 0) AS capacity,
      e.lane = 'main' AND e.circuit_state = 'closed' AND e.id <> ALL ($9::uuid[]) AS is_open,
      floor(e.rate_limit_per_second * $10::float8 * 2) AS endpoint_capacity
    FROM event
    JOIN webhook_endpoints e ON e.program_id = event.program_id AND e.partner_id = event.partner_id
      AND e.status = 'enabled' AND e.deleted_at IS NULL
      AND (e.event_types = '{}' OR event.event_type = ANY (e.event_types))
      AND e.created_at <= event.occurred_at + ${CLOCK_SKEW}
    LEFT JOIN unnest($7::uuid[], $8::int[]) AS room (partner_id, capacity) ON room.partner_id = event.partner_id
  ), ranked AS (
    SELECT target.*,
      is_open
        AND row_number() OVER (PARTITION BY program_id, partner_id, is_open ORDER BY position) <= capacity
        AND row_number() OVER (PARTITION BY program_id, endpoint_id ORDER BY position) <= endpoint_capacity AS is_taken
    FROM target
  ), inserted AS (
    INSERT INTO webhook_deliveries (id, program_id, endpoint_id, partner_id, event_id, event_type, body, occurred_at,
      next_attempt_at, claim_token, claimed_until)
    SELECT uuidv7(), program_id, endpoint_id, partner_id, event_id, event_type, body, occurred_at, now(),
      CASE WHEN is_taken THEN 1 ELSE 0 END,
      CASE WHEN is_taken THEN now() + ${CLAIM_LEASE_MS} * interval '1 ms' END
    FROM ranked ORDER BY position
    ON CONFLICT (program_id, event_id, endpoint_id) DO NOTHING
    RETURNING program_id, id, endpoint_id, event_id, attempts, round_start, claim_token
  )
  SELECT inserted.claim_token <> 0 AS is_claimed, inserted.id, inserted.event_id, inserted.attempts,
    inserted.round_start, inserted.claim_token, ${targetColumns('e')}
  FROM inserted
  JOIN webhook_endpoints e ON e.program_id = inserted.program_id AND e.id = inserted.endpoint_id
  ORDER BY inserted.id`;

type InsertedRow = Omit<ClaimedDelivery, Exclude<keyof OutgoingEvent, 'eventId'>> & {
  readonly isClaimed: boolean;
};

/** One row per event and subscribed endpoint; an event that was fanned out before adds nothing. */
export async function insertDeliveries(db: Database, input: FanOutInput): Promise<FanOutResult> {
  const { events, capacity } = input;
  const rows = await db.query<InsertedRow>(FAN_OUT, [
    events.map(({ programId }) => programId),
    events.map(({ partnerId }) => partnerId),
    events.map(({ eventId }) => eventId),
    events.map(({ eventType }) => eventType),
    events.map(({ body }) => body),
    events.map(({ occurredAt }) => occurredAt),
    [...capacity.keys()],
    [...capacity.values()],
    [...input.heldEndpoints],
    input.rateShare,
  ]);
  // What the event says needs no way through Postgres and back.
  const byId = new Map(events.map((event) => [event.eventId, event]));
  const claimed = rows.flatMap(({ isClaimed, ...row }) => {
    const event = byId.get(row.eventId);
    if (!isClaimed || event === undefined) return [];
    return [{ ...event, ...row, occurredAt: new Date(event.occurredAt) }];
  });
  return { claimed, inserted: rows.length };
}
