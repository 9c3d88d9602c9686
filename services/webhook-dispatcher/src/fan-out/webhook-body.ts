import { eventCatalog } from '@tributary/event-catalog';
import type { EventEnvelope } from '@tributary/event-catalog';
import { UnprocessableEventError } from '@tributary/messaging';

/** A receiver may rely on it. */
export const MAX_BODY_BYTES = 20_000;

/** What every webhook holds. */
export interface WebhookPayload {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event as it will be sent, and to whom. */
export interface OutgoingEvent {
  readonly programId: string;
  readonly partnerId: string;
  readonly eventId: string;
  readonly eventType: string;
  /** The endpoint that the event is about, which is not told of itself. */
  readonly aboutEndpointId?: string;
  readonly body: string;
  readonly occurredAt: Date;
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

/** @throws {UnprocessableEventError} for one that nobody could be sent */
export function outgoingEvent(event: EventEnvelope): OutgoingEvent {
  const body = webhookBody(event);
  if (Buffer.byteLength(body) >= MAX_BODY_BYTES) {
    throw new UnprocessableEventError(`its webhook would have ${Buffer.byteLength(body)} bytes`);
  }
  return {
    programId: event.programId,
    partnerId: partnerOf(event),
    eventId: event.id,
    eventType: event.type,
    body,
    occurredAt: new Date(event.occurredAt),
    ...('endpointId' in event.data ? { aboutEndpointId: event.data.endpointId } : {}),
  };
}

/** Whose event it is: what decides who may see it, so an event that does not say goes to nobody. */
function partnerOf(event: EventEnvelope): string {
  const partnerId: unknown = 'partnerId' in event.data ? event.data.partnerId : undefined;
  if (typeof partnerId === 'string') return partnerId;
  throw new UnprocessableEventError('it names no partner');
}
