import type { StoredEvent } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import type { EndpointLane } from '@tributary/schema/tables';
import {
  DISPATCHER,
  ENDPOINT_EVENT_DATA,
  STORED_EVENT,
  storedEvent,
  type StoredEventColumns,
} from '../endpoints/endpoint-statement.ts';
import { wireMoment } from '../wire-sql.ts';
import type { AttemptRecord } from './record-attempts.ts';

export interface BreakerSettings {
  /** Failures in a row that open the circuit. */
  readonly threshold: number;
  /** The shortest pause before a probe. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
  /** After this long of nothing but failures the endpoint is switched off. */
  readonly disableAfterMs: number;
}

export const DEFAULT_BREAKER: BreakerSettings = {
  threshold: 10,
  minPauseMs: 30_000,
  maxPauseMs: 10 * 60_000,
  disableAfterMs: 3 * 24 * 60 * 60_000,
};

/** What a batch of results says about one endpoint. */
export interface HealthObservation {
  readonly programId: string;
  readonly endpointId: string;
  /** Where it was called: what the address before has answered says nothing about the present one. */
  readonly url: string;
  readonly succeeded: boolean;
  /** Failures since the last success of the batch; all of them when there was none. */
  readonly trailingFailures: number;
  /** Where it belongs from now on. */
  readonly lane: EndpointLane;
  readonly gone: boolean;
}

/** An endpoint that the rules switch off, and why. */
export interface EndpointVerdict {
  readonly programId: string;
  readonly endpointId: string;
  readonly url: string;
  readonly reason: 'gone' | 'failing';
}

/**
 * Sums a batch up per endpoint and URL, leaving out those that were well before and still are: a healthy endpoint's row is
 * never written, whatever its traffic.
 */
export function observeHealth(
  records: readonly AttemptRecord[],
  laneOf: (record: AttemptRecord) => EndpointLane,
): HealthObservation[] {
  const byEndpoint = Map.groupBy(records, ({ delivery }) => `${delivery.endpointId} ${delivery.url}`);
  return [...byEndpoint.values()].flatMap((batch) => {
    const last = batch.at(-1);
    if (last === undefined) return [];
    const { delivery } = last;
    const lane = laneOf(last);
    const lastSuccess = batch.findLastIndex(({ result }) => result.ok);
    const trailingFailures = batch.length - 1 - lastSuccess;
    const wasWell = batch.every(
      ({ delivery: { consecutiveFailures, circuitState, lane: was } }) =>
        consecutiveFailures === 0 && circuitState === 'closed' && was === lane,
    );
    if (wasWell && lastSuccess === batch.length - 1 && batch.every(({ result }) => result.ok)) return [];
    return [
      {
        programId: delivery.programId,
        endpointId: delivery.endpointId,
        url: delivery.url,
        succeeded: lastSuccess >= 0,
        trailingFailures,
        lane,
        gone: batch.some(({ result }) => result.statusCode === 410),
      },
    ];
  });
}

// The pause grows with how long the endpoint has been failing (a quarter of it), so no count of openings is needed, and
// ten failures that land together open the circuit once. That it opens is announced by the same statement; that a probe
// failed, and it stays open, is not.
const OBSERVE = `
  WITH observed AS (
  UPDATE webhook_endpoints e
  SET consecutive_failures = CASE WHEN o.succeeded THEN o.failures ELSE e.consecutive_failures + o.failures END,
    failing_since = CASE WHEN o.failures = 0 THEN NULL
      WHEN o.succeeded THEN now() ELSE coalesce(e.failing_since, now()) END,
    circuit_state = CASE WHEN o.failures = 0 THEN 'closed'
      WHEN CASE WHEN o.succeeded THEN 0 ELSE e.consecutive_failures END + o.failures >= $6::int THEN 'open'
      WHEN o.succeeded THEN 'closed' ELSE e.circuit_state END,
    circuit_open_until = CASE WHEN o.failures = 0 THEN NULL
      WHEN CASE WHEN o.succeeded THEN 0 ELSE e.consecutive_failures END + o.failures >= $6::int
      THEN now() + least($8::float8, greatest($7::float8,
        extract(epoch FROM now() - coalesce(e.failing_since, now())) * 250)) * interval '1 ms'
      ELSE e.circuit_open_until END,
    lane = o.lane
  FROM unnest($1::text[], $2::uuid[], $3::boolean[], $4::int[], $5::text[], $10::text[])
    AS o (program_id, endpoint_id, succeeded, failures, lane, url)
  WHERE e.program_id = o.program_id AND e.id = o.endpoint_id AND e.url = o.url
  RETURNING old.circuit_state AS circuit_was, new.*
  ), event AS (
    INSERT INTO outbox_events (id, program_id, type, subject, actor, data, occurred_at)
    SELECT uuidv7(), program_id, 'webhook_endpoint.circuit_opened',
      jsonb_build_object('endpointId', id, 'partnerId', partner_id), $11::jsonb,
      ${ENDPOINT_EVENT_DATA} || jsonb_build_object('reason', consecutive_failures || ' failures in a row',
        'circuitOpenUntil', ${wireMoment('circuit_open_until')}), now()
    FROM observed
    WHERE circuit_was = 'closed' AND circuit_state = 'open' AND status = 'enabled' AND deleted_at IS NULL
    RETURNING *
  )
  SELECT e.program_id, e.id AS endpoint_id, e.url,
    e.status = 'enabled' AND e.consecutive_failures >= $6::int
      AND e.failing_since < now() - $9::float8 * interval '1 ms' AS is_hopeless,
    ${STORED_EVENT}
  FROM observed e LEFT JOIN event ON event.subject ->> 'endpointId' = e.id::text`;

type ObservedRow = Omit<EndpointVerdict, 'reason'> & { readonly isHopeless: boolean | null } & (
    | StoredEventColumns
    | { readonly eventCreatedAt: null }
  );

/** What follows from health that was written: endpoints to switch off, and the circuits that opened, as events to publish. */
export interface HealthRecorded {
  readonly verdicts: readonly EndpointVerdict[];
  readonly opened: readonly StoredEvent[];
}

/** Writes what was observed of endpoints that are still where they were called. */
export async function recordHealth(
  db: Database,
  observations: readonly HealthObservation[],
  breaker: BreakerSettings,
): Promise<HealthRecorded> {
  if (observations.length === 0) return { verdicts: [], opened: [] };
  // In one order, so that two dispatchers writing about the same endpoints never wait for each other.
  const ordered = observations.toSorted((a, b) => (a.endpointId < b.endpointId ? -1 : 1));
  const rows = await db.query<ObservedRow>(OBSERVE, [
    ordered.map(({ programId }) => programId),
    ordered.map(({ endpointId }) => endpointId),
    ordered.map(({ succeeded }) => succeeded),
    ordered.map(({ trailingFailures }) => trailingFailures),
    ordered.map(({ lane }) => lane),
    breaker.threshold,
    breaker.minPauseMs,
    breaker.maxPauseMs,
    breaker.disableAfterMs,
    ordered.map(({ url }) => url),
    { ...DISPATCHER },
  ]);
  const keyOf = ({ endpointId, url }: Pick<EndpointVerdict, 'endpointId' | 'url'>) => `${endpointId} ${url}`;
  const gone = new Set(ordered.filter((observation) => observation.gone).map(keyOf));
  const verdicts = rows.flatMap(({ programId, endpointId, url, isHopeless }): EndpointVerdict[] => {
    const endpoint = { programId, endpointId, url };
    if (gone.has(keyOf(endpoint))) return [{ ...endpoint, reason: 'gone' }];
    return isHopeless === true ? [{ ...endpoint, reason: 'failing' }] : [];
  });
  // The join leaves an object of nulls where nothing was announced.
  const opened = rows.flatMap((row) => (row.eventCreatedAt === null ? [] : [storedEvent(row)]));
  return { verdicts, opened };
}
