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
      batchSize: 256,
      // An event need not wait until the batch before it is committed; deliveries are in no order anyway.
      batchesAtOnce: 3,
      // A new delivery is tried at once: company is welcome only when it is there already.
      gatherMs: 1,
      handleBatch,
    }),
  );
}
