import type { Database } from '@tributary/schema';
import type { EndpointLane } from '@tributary/schema/tables';
import { targetColumns } from '../endpoints/target.ts';
import type { ClaimedDelivery } from './claimed-delivery.ts';

/** How long a claim lasts: the attempt's deadline, a wait for a slot, and the write-back, with room to spare. */
export const claimLeaseMs = (deadlineMs: number): number => deadlineMs + 15_000;

export interface ClaimInput {
  readonly lane: EndpointLane;
  readonly limit: number;
  /** Rows that a partner of whom this process knows nothing may have. */
  readonly perPartner: number;
  readonly perEndpoint: number;
  /** Partners that have work in this process, and how much more they may have. */
  readonly partnerCapacity: ReadonlyMap<string, number>;
  /** Endpoints that have enough waiting here already. */
  readonly heldEndpoints: readonly string[];
  /** This process's part of the rates that hold over all dispatchers, in (0, 1]. */
  readonly rateShare: number;
  readonly leaseMs: number;
}

// Columns keep milliseconds, rounded: now is rounded alike, or what was made due a moment ago would still lie ahead.
const NOW = 'now()::timestamptz(3)';

// The due index is skipped through by endpoint (one probe each), so that an endpoint with 10,000 rows pending costs as
// much as one with a single row, and cannot fill the claim. Lanes and breakers are the endpoint's, in Postgres, so every
// dispatcher obeys them. A breaker whose pause is over lets a single probe through, and is half open while it runs.
// An endpoint's rows are limited to two seconds of its rate: what is claimed must be sent within the lease.
const CLAIM = `
  WITH RECURSIVE pending AS (
    (SELECT program_id, endpoint_id FROM webhook_deliveries
      WHERE status = 'pending' ORDER BY program_id, endpoint_id LIMIT 1)
    UNION ALL
    SELECT following.program_id, following.endpoint_id
    FROM pending CROSS JOIN LATERAL (
      SELECT d.program_id, d.endpoint_id FROM webhook_deliveries d
      WHERE d.status = 'pending' AND (d.program_id, d.endpoint_id) > (pending.program_id, pending.endpoint_id)
      ORDER BY d.program_id, d.endpoint_id LIMIT 1) following
  ), open_endpoints AS (
    SELECT e.program_id, e.id, e.partner_id, coalesce(known.capacity, $3::int) AS partner_capacity,
      CASE WHEN e.circuit_state = 'closed'
        THEN least($4::int, greatest(1, floor(e.rate_limit_per_second * $8::float8 * 2)::int)) ELSE 1 END AS capacity
    FROM pending
    JOIN webhook_endpoints e ON e.program_id = pending.program_id AND e.id = pending.endpoint_id
    LEFT JOIN unnest($5::uuid[], $6::int[]) AS known (partner_id, capacity) ON known.partner_id = e.partner_id
    WHERE e.status = 'enabled' AND e.deleted_at IS NULL AND e.lane = $1
      AND e.id <> ALL ($7::uuid[])
      AND coalesce(known.capacity, $3::int) > 0
      AND (e.circuit_state = 'closed' OR e.circuit_open_until <= ${NOW})
  ), due AS (
    SELECT e.program_id, e.partner_id, e.id AS endpoint_id, e.partner_capacity, d.id, d.next_attempt_at
    FROM open_endpoints e CROSS JOIN LATERAL (
      SELECT d.id, d.next_attempt_at FROM webhook_deliveries d
      WHERE d.program_id = e.program_id AND d.endpoint_id = e.id AND d.status = 'pending'
        AND d.next_attempt_at <= ${NOW} AND (d.claimed_until IS NULL OR d.claimed_until <= ${NOW})
      ORDER BY d.next_attempt_at, d.id
      LIMIT least(e.capacity, e.partner_capacity)
      FOR NO KEY UPDATE SKIP LOCKED) d
  ), ranked AS (
    SELECT due.*,
      row_number() OVER (PARTITION BY program_id, partner_id ORDER BY next_attempt_at, id) AS partner_rank,
      row_number() OVER (PARTITION BY program_id, endpoint_id ORDER BY next_attempt_at, id) AS endpoint_rank
    FROM due
  ), chosen AS (
    SELECT program_id, id, endpoint_id FROM ranked WHERE partner_rank <= partner_capacity
    ORDER BY endpoint_rank, next_attempt_at LIMIT $2::int
  ), claimed AS (
    UPDATE webhook_deliveries d
    SET claim_token = d.claim_token + 1, claimed_until = now() + $9::float8 * interval '1 ms'
    FROM chosen WHERE d.program_id = chosen.program_id AND d.id = chosen.id
    RETURNING d.program_id, d.id, d.endpoint_id, d.partner_id, d.event_id, d.event_type, d.body, d.attempts,
      d.round_start, d.claim_token, d.occurred_at
  ), probing AS (
    UPDATE webhook_endpoints e
    SET circuit_state = 'half_open', circuit_open_until = now() + $9::float8 * interval '1 ms'
    FROM (SELECT DISTINCT program_id, endpoint_id FROM chosen) c
    WHERE e.program_id = c.program_id AND e.id = c.endpoint_id AND e.circuit_state <> 'closed'
  )
  SELECT claimed.program_id, claimed.id, claimed.partner_id, claimed.event_id, claimed.event_type, claimed.body,
    claimed.attempts, claimed.round_start, claimed.claim_token, claimed.occurred_at, ${targetColumns('e')}
  FROM claimed JOIN webhook_endpoints e ON e.program_id = claimed.program_id AND e.id = claimed.endpoint_id
  ORDER BY claimed.id`;

/** Takes due deliveries, a few per endpoint; no other process has them until the claim ends. */
export async function claimDue(db: Database, input: ClaimInput): Promise<ClaimedDelivery[]> {
  return db.query<ClaimedDelivery>(CLAIM, [
    input.lane,
    input.limit,
    input.perPartner,
    input.perEndpoint,
    [...input.partnerCapacity.keys()],
    [...input.partnerCapacity.values()],
    [...input.heldEndpoints],
    input.rateShare,
    input.leaseMs,
  ]);
}
