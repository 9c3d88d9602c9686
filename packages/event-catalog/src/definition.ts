import type { z } from 'zod';

import type { EventSubject } from './envelope.ts';
import type { StreamName } from './streams.ts';

/** One event type of the catalogue. */
export interface EventDefinition<Data extends z.ZodObject = z.ZodObject> {
  readonly stream: StreamName;
  /** Schemas only grow, so this stays 1 until a field changes its meaning. */
  readonly version: number;
  readonly description: string;
  /** Whether partners may subscribe their webhook endpoints to it; its data then names the partner. */
  readonly partnerVisible: boolean;
  readonly dataSchema: Data;
  /** A valid instance, shown in the list of event types and sent by the test button. */
  readonly example: { readonly subject: EventSubject; readonly data: z.output<Data> };
}

/** Declares an event type; exists so that the example is checked against the schema by the compiler. */
export function defineEvent<Data extends z.ZodObject>(
  definition: EventDefinition<Data>,
): EventDefinition<Data> {
  return definition;
}
