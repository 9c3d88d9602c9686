import type { Metrics } from '@tributary/runtime';

/**
 * From 5 ms, what a healthy path takes, to the minutes of a backlog. At 30 s EventConsumerLag begins: a limit within a bucket
 * would be passed by guessing, with nothing that took so long.
 */
const LAG_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 300];

/** What messaging counts, under the names that dashboards and alerts rely on. */
export function messagingMetrics(metrics: Metrics) {
  return {
    published: metrics.counter({
      name: 'events_published_total',
      help: 'Events acknowledged by a stream',
      labels: ['type'],
    }),
    consumed: metrics.counter({
      name: 'events_consumed_total',
      help: 'Events whose effect is done',
      labels: ['type', 'consumer'],
    }),
    lag: metrics.histogram({
      name: 'event_lag_seconds',
      help: 'From the occurrence of an event to its effect',
      labels: ['consumer'],
      buckets: LAG_BUCKETS,
    }),
    retried: metrics.counter({
      name: 'event_retries_total',
      help: 'Deliveries that failed and will be repeated',
      labels: ['consumer'],
    }),
    deadLettered: metrics.counter({
      name: 'dead_letters_total',
      help: 'Messages given up and kept as dead letters',
      labels: ['consumer'],
    }),
    consumerRestarts: metrics.counter({
      name: 'consumer_restarts_total',
      help: 'Subscriptions made anew',
      labels: ['consumer', 'reason'],
    }),
    outboxPending: metrics.gauge({
      name: 'outbox_pending',
      help: 'Events that should have been sent and are not; only the process that sweeps reports more than 0',
    }),
    connected: metrics.gauge({
      name: 'nats_connected',
      help: '1 while there is a working connection to NATS',
    }),
  };
}

export type MessagingMetrics = ReturnType<typeof messagingMetrics>;
