import type { Metrics } from '@tributary/runtime';
import type { AttemptRecord } from './deliveries/record-attempts.ts';

export type WebhookMetrics = ReturnType<typeof webhookMetrics>;

/** The metrics of webhooks; labels are bounded by the event catalogue. */
export function webhookMetrics(metrics: Metrics) {
  const delivered = metrics.counter({
    name: 'webhooks_delivered_total',
    help: 'Attempts at delivering a webhook, by what became of them; none was made when held (the circuit is open) or unsigned (this process lacks the key)',
    labels: ['event_type', 'outcome'],
  });
  const duration = metrics.histogram({
    name: 'webhook_delivery_duration_seconds',
    help: 'Duration of an attempt, connecting included',
    labels: ['event_type'],
  });
  return {
    backlog: metrics.gauge({ name: 'webhook_backlog', help: 'Pending deliveries of enabled endpoints' }),
    backlogAge: metrics.gauge({
      name: 'webhook_backlog_age_seconds',
      help: 'How long the delivery that is due longest has been waiting',
    }),
    openCircuits: metrics.gauge({
      name: 'webhook_endpoints_open_circuit',
      help: 'Endpoints whose circuit breaker is not closed',
    }),
    /** Without these, receivers that all fail would look like receivers that get nothing, once their circuits are open. */
    countHeld(eventType: string): void {
      delivered.inc({ event_type: eventType, outcome: 'held' });
    },
    /** Another process may have the key; where none has, this is what tells. */
    countUnsigned(eventType: string): void {
      delivered.inc({ event_type: eventType, outcome: 'unsigned' });
    },
    observe(records: readonly AttemptRecord[]): void {
      for (const { delivery, result, verdict } of records) {
        const outcome = verdict.status === 'pending' ? 'retried' : verdict.status;
        delivered.inc({ event_type: delivery.eventType, outcome });
        duration.observe({ event_type: delivery.eventType }, result.durationMs / 1000);
      }
    },
  };
}
