import { eventCatalog } from '@tributary/event-catalog';
import type { EventEnvelope } from '@tributary/event-catalog';

/** A receiver may rely on it. */
export const MAX_BODY_BYTES = 20_000;

/** What every webhook holds. */
export interface WebhookPayload {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The body of an event's webhooks, built once and sent to every endpoint. Of the envelope only what partners may know:
 * the actor and the request stay here. Of the data only fields that this release's schema names, so that a field which a
 * newer release adds for internal readers cannot slip out through an older dispatcher.
 */
export function webhookBody(event: Pick<EventEnvelope, 'id' | 'type' | 'occurredAt' | 'data'>): string {
  const shape: object = eventCatalog[event.type].dataSchema.shape;
  const data: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(event.data))
    if (Object.hasOwn(shape, field)) data[field] = value;
  const timestamp = new Date(event.occurredAt).toISOString();
  return JSON.stringify({ id: event.id, type: event.type, timestamp, data } satisfies WebhookPayload);
}
