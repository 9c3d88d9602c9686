/** What kind of figure a metric is. */
export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A metric as dashboards and alerts know it. */
export interface MetricDeclaration {
  readonly type: MetricType;
  readonly labels: readonly string[];
  /** The processes that expose it; all six when left out. */
  readonly services?: readonly string[];
}

/** The processes that are scraped; each is a job of its own in Prometheus. */
export const SCRAPED_SERVICES = [
  'gateway',
  'tracking-service',
  'operations-service',
  'analytics-service',
  'webhook-dispatcher',
  'batch-scheduler',
] as const;

const HTTP_LABELS = ['method', 'path', 'status'];
const UPSTREAM_LABELS = ['service', 'release', 'status'];
const COMMISSION_SERVICES = ['tracking-service', 'operations-service', 'batch-scheduler'];
const SCHEDULER = ['batch-scheduler'];
const DISPATCHER = ['webhook-dispatcher'];
const GATEWAY = ['gateway'];
const CACHING = ['tracking-service', 'operations-service'];

/**
 * Every metric that a dashboard or an alert may ask for. Each also has the label `service`, and each process those of
 * its own health (`process_*`, `nodejs_*`). A test compares this with what a running platform exposes.
 */
export const METRICS: Readonly<Record<string, MetricDeclaration>> = {
  http_requests_total: { type: 'counter', labels: HTTP_LABELS },
  http_request_duration_seconds: { type: 'histogram', labels: HTTP_LABELS },
  upstream_requests_total: { type: 'counter', labels: UPSTREAM_LABELS, services: GATEWAY },
  upstream_request_duration_seconds: { type: 'histogram', labels: UPSTREAM_LABELS, services: GATEWAY },
  commissions_created_total: {
    type: 'counter',
    labels: ['status', 'policy_type'],
    services: COMMISSION_SERVICES,
  },
  commission_amount_dollars: { type: 'histogram', labels: ['policy_type'], services: COMMISSION_SERVICES },
  commission_transitions_total: {
    type: 'counter',
    labels: ['action', 'outcome'],
    services: COMMISSION_SERVICES,
  },
  commissions_in_progress: { type: 'gauge', labels: [], services: SCHEDULER },
  commissions_pending: { type: 'gauge', labels: [], services: SCHEDULER },
  commissions_due_unconfirmed: { type: 'gauge', labels: [], services: SCHEDULER },
  active_partners_count: { type: 'gauge', labels: [], services: SCHEDULER },
  webhooks_delivered_total: { type: 'counter', labels: ['event_type', 'outcome'], services: DISPATCHER },
  webhook_delivery_duration_seconds: { type: 'histogram', labels: ['event_type'], services: DISPATCHER },
  webhook_backlog: { type: 'gauge', labels: [], services: DISPATCHER },
  webhook_backlog_age_seconds: { type: 'gauge', labels: [], services: DISPATCHER },
  webhook_endpoints_open_circuit: { type: 'gauge', labels: [], services: DISPATCHER },
  cache_requests_total: { type: 'counter', labels: ['cache', 'outcome'], services: CACHING },
  cache_hit_rate: { type: 'gauge', labels: ['cache'], services: CACHING },
  caches_unwatched: { type: 'gauge', labels: [], services: ['tracking-service'] },
  events_published_total: { type: 'counter', labels: ['type'] },
  events_consumed_total: { type: 'counter', labels: ['type', 'consumer'] },
  event_lag_seconds: { type: 'histogram', labels: ['consumer'] },
  event_retries_total: { type: 'counter', labels: ['consumer'] },
  dead_letters_total: { type: 'counter', labels: ['consumer'] },
  consumer_restarts_total: { type: 'counter', labels: ['consumer', 'reason'] },
  outbox_pending: { type: 'gauge', labels: [] },
  nats_connected: { type: 'gauge', labels: [] },
  workers_running: { type: 'gauge', labels: ['release'] },
  job_runs_total: { type: 'counter', labels: ['job', 'outcome'], services: SCHEDULER },
  job_duration_seconds: { type: 'histogram', labels: ['job', 'outcome'], services: SCHEDULER },
  job_items_total: { type: 'counter', labels: ['job', 'outcome'], services: SCHEDULER },
  job_last_success_timestamp_seconds: { type: 'gauge', labels: ['job'], services: SCHEDULER },
  analytics_drift: { type: 'gauge', labels: ['rollup'], services: SCHEDULER },
  rate_limit_decisions_total: { type: 'counter', labels: ['limiter', 'outcome'], services: GATEWAY },
  clicks_recorded_total: { type: 'counter', labels: ['status'], services: ['tracking-service'] },
  link_clicks_total: { type: 'counter', labels: ['outcome'], services: ['tracking-service'] },
  process_resident_memory_bytes: { type: 'gauge', labels: [] },
  process_cpu_seconds_total: { type: 'counter', labels: [] },
  nodejs_eventloop_lag_p99_seconds: { type: 'gauge', labels: [] },
};

/** What Prometheus itself adds to every target. */
export const PROMETHEUS_METRICS: Readonly<Record<string, MetricDeclaration>> = {
  up: { type: 'gauge', labels: [] },
};
