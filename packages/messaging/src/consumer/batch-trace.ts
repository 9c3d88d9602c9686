import type { EventEnvelope } from '@tributary/event-catalog';
import { activeTracing } from '@tributary/tracing';
import type { JsMsg } from 'nats';

import { TRACE_HEADER } from '../transport.ts';

/**
 * Runs the work on a batch within spans of those of its events whose causes are traced. What is done for several at once
 * counts as the first one's; by the id of its event each is found again later in this process.
 */
export async function traceBatch<T>(
  consumer: string,
  batch: readonly { readonly message: Pick<JsMsg, 'headers'>; readonly event: EventEnvelope }[],
  work: () => Promise<T>,
): Promise<T> {
  const tracing = activeTracing();
  if (tracing === undefined) return work();
  const spans = batch.flatMap(({ message, event }) => {
    const parent = message.headers?.get(TRACE_HEADER) ?? '';
    if (parent === '') return [];
    const span = tracing.start(`consume ${event.type}`, {
      kind: 'consumer',
      parent,
      attributes: {
        'messaging.system': 'nats',
        'messaging.consumer.group.name': consumer,
        'messaging.message.id': event.id,
      },
    });
    tracing.remember(event.id, span);
    return [span];
  });
  const [first] = spans;
  if (first === undefined) return work();
  try {
    const result = await tracing.within(first, work);
    for (const span of spans) span.end();
    return result;
  } catch (error) {
    for (const span of spans) span.end({ error: String(error) });
    throw error;
  }
}
