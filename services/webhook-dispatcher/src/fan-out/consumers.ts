import { PARTNER_EVENT_TYPES, streamOf } from '@tributary/event-catalog';
import type { EventEnvelope, StreamName } from '@tributary/event-catalog';
import { defineConsumer } from '@tributary/messaging';
import type { ConsumerDefinition } from '@tributary/messaging';

const STREAMS = ['COMMISSIONS', 'CONVERSIONS', 'CATALOG'] as const satisfies readonly StreamName[];

/** One durable per stream, shared by all dispatchers, for the events that partners may see. */
export function fanOutConsumers(
  handleBatch: (events: readonly EventEnvelope[]) => Promise<void>,
): ConsumerDefinition[] {
  return STREAMS.map((stream) =>
    defineConsumer({
      name: `webhooks-${stream.toLowerCase()}`,
      types: PARTNER_EVENT_TYPES.filter((type) => streamOf(type) === stream),
      // A batch is in work until its rows are written, which waits for first attempts: so many small ones, or a receiver
      // that takes its time would hold up the events behind it. Together no more than a dispatcher tries at once: what a
      // dead one had in hand comes again only after the ack wait. Deliveries are in no order anyway.
      batchSize: 16,
      batchesAtOnce: 32,
      // A new delivery is tried at once: company is welcome only when it is there already.
      gatherMs: 1,
      handleBatch,
    }),
  );
}
