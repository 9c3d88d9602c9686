import type { StoredEvent } from '@tributary/event-catalog';
import type { Metrics } from '@tributary/runtime';

type Publish = (events: readonly StoredEvent[]) => void;

/** Counts clicks as they were stored, on their way to the publisher: one event tells of all clicks of a statement. */
export function countClicks(metrics: Metrics, publish: Publish): Publish {
  const recorded = metrics.counter({
    name: 'clicks_recorded_total',
    help: 'Clicks stored, by what they were found to be',
    labels: ['status'],
  });
  // A series that begins at nothing, so that the first click of a process shows in a rate.
  recorded.inc({ status: 'valid' }, 0);
  function count({ type, data }: StoredEvent): void {
    if (type !== 'click.recorded') return;
    const byStatus = Map.groupBy(data.clicks, ({ status }) => status);
    for (const [status, clicks] of byStatus) recorded.inc({ status }, clicks.length);
  }
  return (events) => {
    for (const event of events) count(event);
    publish(events);
  };
}
