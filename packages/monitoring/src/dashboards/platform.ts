import { quantile, rate, share } from './expressions.ts';
import { bars, lines, type Dashboard, type Row } from './panel.ts';

const events: Row = {
  title: 'Events',
  panels: [
    lines('Published', { '{{type}}': rate('events_published_total', 'type') }, { unit: 'ops' }),
    lines('Consumed', { '{{consumer}}': rate('events_consumed_total', 'consumer') }, { unit: 'ops' }),
    lines('Lag (p95)', { '{{consumer}}': quantile(0.95, 'event_lag_seconds', 'consumer') }, { unit: 's' }),
    lines('Outbox', { 'waiting to be sent': 'max(outbox_pending)' }),
    lines('Connected to NATS', { '{{service}}': 'min by (service) (nats_connected)' }, { width: 8 }),
    lines(
      'Retries and dead letters',
      {
        'retries {{consumer}}': rate('event_retries_total', 'consumer'),
        'dead letters {{consumer}}': rate('dead_letters_total', 'consumer'),
      },
      { unit: 'ops', width: 8 },
    ),
    lines(
      'Subscriptions made anew',
      { '{{consumer}} {{reason}}': rate('consumer_restarts_total', 'consumer, reason') },
      { unit: 'ops', width: 8 },
    ),
  ],
};

const jobs: Row = {
  title: 'Jobs',
  panels: [
    lines('Runs', { '{{job}} {{outcome}}': rate('job_runs_total', 'job, outcome') }, { unit: 'ops' }),
    lines('Duration (p95)', { '{{job}}': quantile(0.95, 'job_duration_seconds', 'job') }, { unit: 's' }),
    lines('Items', { '{{job}} {{outcome}}': rate('job_items_total', 'job, outcome') }, { unit: 'ops' }),
    bars(
      'Last success',
      { '{{job}}': 'max by (job) (job_last_success_timestamp_seconds) * 1000' },
      { unit: 'dateTimeFromNow', width: 6 },
    ),
    bars('Drift of rollups', { '{{rollup}}': 'max by (rollup) (analytics_drift)' }, { width: 6 }),
  ],
};

const caches: Row = {
  title: 'Caches',
  panels: [
    lines(
      'Hit rate',
      {
        '{{service}} {{cache}}': share(
          rate('cache_requests_total{outcome="hit"}', 'service, cache'),
          rate('cache_requests_total', 'service, cache'),
        ),
      },
      { unit: 'percentunit' },
    ),
    lines(
      'Hit rate since the start of the process',
      { '{{service}} {{cache}}': 'min by (service, cache) (cache_hit_rate)' },
      { unit: 'percentunit' },
    ),
  ],
};

const health: Row = {
  title: 'Health',
  panels: [
    bars('Processes that answer', { '{{job}}': 'sum by (job) (up)' }, { width: 6 }),
    lines(
      'CPU',
      { '{{service}}': rate('process_cpu_seconds_total', 'service') },
      { width: 6, unit: 'percentunit' },
    ),
    lines(
      'Memory',
      { '{{service}}': 'max by (service) (process_resident_memory_bytes)' },
      { width: 6, unit: 'bytes' },
    ),
    lines(
      'Event loop lag (p99)',
      { '{{service}}': 'max by (service) (nodejs_eventloop_lag_p99_seconds)' },
      { width: 6, unit: 's' },
    ),
  ],
};

/** Events, jobs, caches and the health of each process. */
export const platform: Dashboard = {
  uid: 'tributary-platform',
  title: 'Platform',
  rows: [events, jobs, caches, health],
};
