import type { StoredEvent } from '@tributary/event-catalog';
import { commissionMetrics, type Metrics } from '@tributary/runtime';

type Publish = (events: readonly StoredEvent[]) => void;

/** Counts what commissions' events tell, on their way to the publisher: each is the one record of one change. */
export function countCommissions(metrics: Metrics, publish: Publish): Publish {
  const { created, amount, transitions } = commissionMetrics(metrics);
  function count(event: StoredEvent): void {
    if (event.type === 'commission.created') {
      const policyType = event.data.policyType ?? 'none';
      created.inc({ status: event.data.after.status, policy_type: policyType });
      amount.observe({ policy_type: policyType }, event.data.after.commissionAmount);
    } else if (event.type.startsWith('commission.')) {
      transitions.inc({ action: event.type.slice('commission.'.length), outcome: 'done' });
    }
  }
  return (events) => {
    for (const event of events) count(event);
    publish(events);
  };
}
