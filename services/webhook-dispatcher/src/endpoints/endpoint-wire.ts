import { PARTNER_EVENT_TYPES } from '@tributary/event-catalog';
import { CIRCUIT_STATES, ENDPOINT_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import { timestamp } from '@tributary/http-kit';
import { wireMoment } from '../wire-sql.ts';

/** An endpoint as the API shows it. Secrets are never part of it. */
export const endpointSchema = z.object({
  id: z.uuid(),
  partnerId: z.uuid(),
  url: z.string(),
  eventTypes: z.array(z.string()).meta({ description: 'Empty: every event type' }),
  description: z.string().nullable(),
  status: z.enum(ENDPOINT_STATUSES),
  disabledReason: z.string().nullable(),
  rateLimitPerSecond: z.int(),
  retryDelaysSeconds: z.array(z.int()).nullable().meta({ description: 'Null: the default schedule' }),
  circuitState: z.enum(CIRCUIT_STATES),
  circuitOpenUntil: timestamp.nullable(),
  consecutiveFailures: z.int(),
  failingSince: timestamp.nullable(),
  version: z.int(),
  createdAt: timestamp,
  updatedAt: timestamp,
});

export type Endpoint = z.output<typeof endpointSchema>;

/** The same, in SQL over a `webhook_endpoints` that goes by `e`. */
export const endpointWire = (e: string): string => `jsonb_build_object(
    'id', ${e}.id, 'partnerId', ${e}.partner_id, 'url', ${e}.url, 'eventTypes', to_jsonb(${e}.event_types),
    'description', ${e}.description, 'status', ${e}.status, 'disabledReason', ${e}.disabled_reason,
    'rateLimitPerSecond', ${e}.rate_limit_per_second, 'retryDelaysSeconds', to_jsonb(${e}.retry_delays_seconds),
    'circuitState', ${e}.circuit_state, 'circuitOpenUntil', ${wireMoment(`${e}.circuit_open_until`)},
    'consecutiveFailures', ${e}.consecutive_failures, 'failingSince', ${wireMoment(`${e}.failing_since`)},
    'version', ${e}.version, 'createdAt', ${wireMoment(`${e}.created_at`)}, 'updatedAt', ${wireMoment(`${e}.updated_at`)})`;

export const eventTypesField = z
  .array(z.enum(PARTNER_EVENT_TYPES as [string, ...string[]]))
  .max(PARTNER_EVENT_TYPES.length)
  .refine((types) => new Set(types).size === types.length, 'must not name a type twice')
  .meta({ description: 'Empty: every event type' });
