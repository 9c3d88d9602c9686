import type { Database } from '@tributary/schema';
import type { EndpointLane } from '@tributary/schema/tables';
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
// ten failures that land together open the circuit once.
const OBSERVE = `
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
  RETURNING e.program_id, e.id AS endpoint_id, e.url,
    e.status = 'enabled' AND e.consecutive_failures >= $6::int
      AND e.failing_since < now() - $9::float8 * interval '1 ms' AS is_hopeless`;

/** Writes what was observed of endpoints that are still where they were called; answers those that must be switched off. */
export async function recordHealth(
  db: Database,
  observations: readonly HealthObservation[],
  breaker: BreakerSettings,
): Promise<EndpointVerdict[]> {
  if (observations.length === 0) return [];
  // In one order, so that two dispatchers writing about the same endpoints never wait for each other.
  const ordered = observations.toSorted((a, b) => (a.endpointId < b.endpointId ? -1 : 1));
  const rows = await db.query<Omit<EndpointVerdict, 'reason'> & { readonly isHopeless: boolean | null }>(
    OBSERVE,
    [
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
    ],
  );
  const keyOf = ({ endpointId, url }: Pick<EndpointVerdict, 'endpointId' | 'url'>) => `${endpointId} ${url}`;
  const gone = new Set(ordered.filter((observation) => observation.gone).map(keyOf));
  return rows.flatMap(({ isHopeless, ...endpoint }): EndpointVerdict[] => {
    if (gone.has(keyOf(endpoint))) return [{ ...endpoint, reason: 'gone' }];
    return isHopeless === true ? [{ ...endpoint, reason: 'failing' }] : [];
  });
}
