import type { z } from 'zod';

import type { EventDefinition } from './definition.ts';
import type { Actor, EventSubject } from './envelope.ts';
import { catalogChangeEvents } from './events/catalog-changes.ts';
import { clickEvents } from './events/clicks.ts';
import { commissionEvents } from './events/commissions.ts';
import { conversionEvents } from './events/conversions.ts';
import { exampleIds } from './events/example-ids.ts';
import { platformEvents } from './events/platform.ts';
import type { StreamName } from './streams.ts';

/** Every event type that exists, with its stream, schema and example. */
export const eventCatalog = {
  ...clickEvents,
  ...conversionEvents,
  ...commissionEvents,
  ...catalogChangeEvents,
  ...platformEvents,
} as const satisfies Record<string, EventDefinition>;

export type EventType = keyof typeof eventCatalog;

/** Every event type, in the order of the catalogue. */
export const EVENT_TYPES = Object.keys(eventCatalog) as readonly EventType[];

/** What an event of this type says, beyond its envelope. */
export type EventData<T extends EventType> = z.output<(typeof eventCatalog)[T]['dataSchema']>;

/** An event as it travels. Given a union of types it is a union discriminated by `type`. */
export type EventEnvelope<T extends EventType = EventType> = {
  [Type in T]: {
    id: string;
    type: Type;
    version: number;
    occurredAt: string;
    programId: string;
    subject: EventSubject;
    actor: Actor;
    requestId: string | null;
    data: EventData<Type>;
  };
}[T];

/** An event with its row in `outbox_events`: `createdAt` names the row's partition. What commands return and publishers take. */
export type StoredEvent<T extends EventType = EventType> = EventEnvelope<T> & { createdAt: Date };

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(eventCatalog, type);
}

/** The stream that carries this type. */
export function streamOf(type: EventType): StreamName {
  return eventCatalog[type].stream;
}

/** The types that partners may receive by webhook. */
export const PARTNER_EVENT_TYPES: readonly EventType[] = EVENT_TYPES.filter(
  (type) => eventCatalog[type].partnerVisible,
);

/** A valid event of this type, for documentation and tests. */
export function exampleEvent<T extends EventType>(type: T): EventEnvelope<T>;
export function exampleEvent(type: EventType): unknown {
  const { version, example } = eventCatalog[type];
  return {
    id: exampleIds.event,
    type,
    version,
    occurredAt: '2026-03-02T10:00:01.000Z',
    programId: 'default',
    subject: { ...example.subject },
    actor: { kind: 'system', id: null, name: 'system:example' },
    requestId: 'req-example',
    data: structuredClone(example.data),
  };
}
