import type { Database } from '@tributary/schema';
import { targetColumns } from '../endpoints/target.ts';
import type { EndpointTarget } from '../endpoints/target.ts';
import type { OutgoingEvent } from './webhook-body.ts';

/** An endpoint that some of the events are for, and which of them it has a delivery of already. */
export interface SubscribedEndpoint extends EndpointTarget {
  readonly programId: string;
  readonly partnerId: string;
  /** Empty: every type. */
  readonly eventTypes: readonly string[];
  readonly createdAt: Date;
  readonly knownEvents: readonly string[];
}

// OFFSET 0 keeps each event's look-up a probe of the unique key, whatever the planner thinks of the table's size.
const FIND = `
  WITH event AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[]) AS e (program_id, partner_id, event_id)
  ), known AS (
    SELECT d.endpoint_id, jsonb_agg(event.event_id) AS events
    FROM event CROSS JOIN LATERAL (
      SELECT d.endpoint_id FROM webhook_deliveries d
      WHERE d.program_id = event.program_id AND d.event_id = event.event_id OFFSET 0) d
    GROUP BY d.endpoint_id
  )
  SELECT e.program_id, e.partner_id, e.event_types, e.created_at, coalesce(known.events, '[]') AS known_events,
    ${targetColumns('e')}
  FROM (SELECT DISTINCT program_id, partner_id FROM event) partner
  JOIN webhook_endpoints e ON e.program_id = partner.program_id AND e.partner_id = partner.partner_id
    AND e.status = 'enabled' AND e.deleted_at IS NULL
  LEFT JOIN known ON known.endpoint_id = e.id`;

/** Whom these events may be for. */
export function findTargets(
  db: Pick<Database, 'query'>,
  events: readonly OutgoingEvent[],
): Promise<SubscribedEndpoint[]> {
  return db.query<SubscribedEndpoint>(FIND, [
    events.map(({ programId }) => programId),
    events.map(({ partnerId }) => partnerId),
    events.map(({ eventId }) => eventId),
  ]);
}
