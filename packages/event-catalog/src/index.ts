export {
  EVENT_TYPES,
  PARTNER_EVENT_TYPES,
  eventCatalog,
  exampleEvent,
  isEventType,
  streamOf,
  type EventData,
  type EventEnvelope,
  type EventType,
  type StoredEvent,
} from './catalog.ts';
export type { EventDefinition } from './definition.ts';
export { ACTOR_KINDS, actorSchema, envelopeSchema, type Actor, type EventSubject } from './envelope.ts';
export { commissionDataSchema } from './events/commissions.ts';
export { conversionDataSchema } from './events/conversions.ts';
export { findWriterFaults, parseEvent, type ParsedEvent } from './parse.ts';
export { STREAMS, type StreamDeclaration, type StreamName } from './streams.ts';
