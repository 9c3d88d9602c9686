import type { StoredEvent } from '@tributary/event-catalog';
import { commissionMetrics, type Metrics } from '@tributary/runtime';

type Transition = Exclude<Extract<StoredEvent['type'], `commission.${string}`>, 'commission.created'>;

/** By the names of the actions, as the other services count them: one series for each, whoever causes it. */
const ACTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'commission.confirmed': 'confirm',
    'commission.adjusted': 'adjust',
    'commission.held': 'hold',
    'commission.released': 'release',
    'commission.refunded': 'refund',
    'commission.cancelled': 'cancel',
    'commission.paid': 'pay',
    'commission.clawed_back': 'clawback',
  } satisfies Record<Transition, string>),
);

type Publish = (events: readonly StoredEvent[]) => void;

/** Counts what commissions' events tell, on their way to the publisher: each is the one record of one change. */
export function countCommissions(metrics: Metrics, publish: Publish): Publish {
  const { created, amount, transitions } = commissionMetrics(metrics);
  function count(event: StoredEvent): void {
    if (event.type === 'commission.created') {
      const policyType = event.data.policyType ?? 'none';
      created.inc({ status: event.data.after.status, policy_type: policyType });
      amount.observe({ policy_type: policyType }, event.data.after.commissionAmount);
    } else {
      const action = ACTIONS.get(event.type);
      if (action !== undefined) transitions.inc({ action, outcome: 'done' });
    }
  }
  return (events) => {
    for (const event of events) count(event);
    publish(events);
  };
}
