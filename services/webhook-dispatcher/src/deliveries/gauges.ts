import type { Database } from '@tributary/schema';
import type { WebhookMetrics } from '../metrics.ts';

// Counting stops at 100,000 per endpoint: past that the number tells nobody more, and the gauge must stay cheap.
const MEASURE = `
  SELECT coalesce(sum(b.pending), 0)::int AS backlog,
    coalesce(extract(epoch FROM now() - min(b.due_since)), 0)::float8 AS backlog_age_seconds,
    (count(*) FILTER (WHERE e.circuit_state <> 'closed'))::int AS open_circuits
  FROM webhook_endpoints e CROSS JOIN LATERAL (
    SELECT count(*) AS pending, min(next_attempt_at) FILTER (WHERE next_attempt_at < now()) AS due_since FROM (
      SELECT d.next_attempt_at FROM webhook_deliveries d
      WHERE d.program_id = e.program_id AND d.endpoint_id = e.id AND d.status = 'pending' LIMIT 100000) d
  ) b
  WHERE e.status = 'enabled' AND e.deleted_at IS NULL`;

interface Measured {
  readonly backlog: number;
  readonly backlogAgeSeconds: number;
  readonly openCircuits: number;
}

/** Sets the gauges of the whole; called by one process, so that summing over replicas counts nothing twice. */
export async function measureBacklog(db: Pick<Database, 'query'>, metrics: WebhookMetrics): Promise<void> {
  const [measured] = await db.query<Measured>(MEASURE);
  metrics.backlog.set(measured?.backlog ?? 0);
  metrics.backlogAge.set(measured?.backlogAgeSeconds ?? 0);
  metrics.openCircuits.set(measured?.openCircuits ?? 0);
}

/** A process that no longer measures must not go on reporting what it last saw. */
export function forgetBacklog(metrics: WebhookMetrics): void {
  for (const gauge of [metrics.backlog, metrics.backlogAge, metrics.openCircuits]) gauge.set(0);
}

// Deliveries of deleted endpoints can never be sent. In chunks, so that a large backlog fits the statement time-out.
const SETTLE = `
  UPDATE webhook_deliveries d SET status = 'failed', next_attempt_at = NULL, last_error = 'endpoint_deleted'
  FROM (
    SELECT d.program_id, d.id FROM webhook_endpoints e
    JOIN webhook_deliveries d ON d.program_id = e.program_id AND d.endpoint_id = e.id AND d.status = 'pending'
    WHERE e.deleted_at IS NOT NULL AND (d.claimed_until IS NULL OR d.claimed_until <= now())
    LIMIT 5000 FOR NO KEY UPDATE OF d SKIP LOCKED
  ) orphan
  WHERE d.program_id = orphan.program_id AND d.id = orphan.id`;

/** Ends what was pending for endpoints deleted meanwhile. */
export async function settleOrphans(db: Pick<Database, 'query'>): Promise<void> {
  await db.query(SETTLE);
}
