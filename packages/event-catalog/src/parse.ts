import type { z } from 'zod';

import { eventCatalog, isEventType } from './catalog.ts';
import type { EventEnvelope } from './catalog.ts';
import { envelopeSchema } from './envelope.ts';

export type ParsedEvent =
  | { outcome: 'valid'; event: EventEnvelope }
  /** Written by a newer release: not wrong, but nobody here knows what it means. */
  | { outcome: 'unknown_type'; type: string; detail: string }
  | { outcome: 'invalid'; detail: string };

/**
 * Checks what came off the wire. Fields that the schema does not know are kept, not refused: schemas only grow, and two
 * releases read each other's events. The event returned is the input itself, since no schema here transforms anything.
 */
export function parseEvent(input: unknown): ParsedEvent {
  const envelope = envelopeSchema.safeParse(input);
  if (!envelope.success) return { outcome: 'invalid', detail: describe(envelope.error, '') };
  const { type } = envelope.data;
  if (!isEventType(type))
    return { outcome: 'unknown_type', type, detail: `no event type is called '${type}'` };
  const data = eventCatalog[type].dataSchema.safeParse(envelope.data.data);
  if (!data.success) return { outcome: 'invalid', detail: describe(data.error, 'data.') };
  return { outcome: 'valid', event: input as EventEnvelope };
}

/**
 * Checks what a writer is about to send, more strictly than a reader may: fields outside the schema are faults too, because
 * they would be in streams for weeks without a contract. For tests of writers; production only reads.
 *
 * @returns the faults in words; empty when there is none
 */
export function findWriterFaults(input: unknown): string[] {
  const parsed = parseEvent(input);
  if (parsed.outcome !== 'valid') return [parsed.detail];
  const { createdAt: _createdAt, ...sent } = parsed.event as EventEnvelope & { createdAt?: Date };
  const faults: string[] = [];
  const envelope = envelopeSchema.strict().safeParse(sent);
  if (!envelope.success) faults.push(describe(envelope.error, ''));
  const definition = eventCatalog[sent.type];
  const data = definition.dataSchema.strict().safeParse(sent.data);
  if (!data.success) faults.push(describe(data.error, 'data.'));
  const missing = Object.keys(definition.example.subject).filter((key) => !Object.hasOwn(sent.subject, key));
  if (missing.length > 0) faults.push(`subject: missing ${missing.join(', ')}`);
  if (sent.version !== definition.version)
    faults.push(`version: ${sent.version} is not ${definition.version}`);
  return faults;
}

function describe(error: z.ZodError, prefix: string): string {
  return error.issues.map((issue) => `${prefix}${issue.path.join('.')}: ${issue.message}`).join('; ');
}
