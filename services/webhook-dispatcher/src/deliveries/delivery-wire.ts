import { timestamp } from '@tributary/http-kit';
import { DELIVERY_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import { wireMoment } from '../wire-sql.ts';

/** A delivery as lists show it. */
export const deliverySchema = z.object({
  id: z.uuid(),
  endpointId: z.uuid(),
  partnerId: z.uuid(),
  eventId: z.uuid(),
  eventType: z.string(),
  status: z.enum(DELIVERY_STATUSES),
  attempts: z.int(),
  lastStatusCode: z.int().nullable(),
  lastError: z.string().nullable(),
  lastAttemptAt: timestamp.nullable(),
  nextAttemptAt: timestamp.nullable(),
  occurredAt: timestamp,
  createdAt: timestamp,
  deliveredAt: timestamp.nullable(),
});

const attemptSchema = z.object({
  attempt: z.int(),
  attemptedAt: timestamp,
  durationMs: z.int(),
  statusCode: z.int().nullable(),
  error: z.string().nullable(),
  responseExcerpt: z.string().nullable(),
  nextAttemptAt: timestamp.nullable(),
});

/** One delivery with what was sent and every attempt, the latest first. */
export const deliveryDetailSchema = deliverySchema.extend({
  body: z.string().meta({ description: 'The exact text that is signed and sent' }),
  attemptHistory: z.array(attemptSchema),
});

export type WireDelivery = z.output<typeof deliverySchema>;
export type DeliveryDetail = z.output<typeof deliveryDetailSchema>;

/** The fields of a delivery, in SQL over a `webhook_deliveries` that goes by `d`. */
export const deliveryFields = (d: string): string => `
    'id', ${d}.id, 'endpointId', ${d}.endpoint_id, 'partnerId', ${d}.partner_id, 'eventId', ${d}.event_id,
    'eventType', ${d}.event_type, 'status', ${d}.status, 'attempts', ${d}.attempts,
    'lastStatusCode', ${d}.last_status_code, 'lastError', ${d}.last_error,
    'lastAttemptAt', ${wireMoment(`${d}.last_attempt_at`)}, 'nextAttemptAt', ${wireMoment(`${d}.next_attempt_at`)},
    'occurredAt', ${wireMoment(`${d}.occurred_at`)}, 'createdAt', ${wireMoment(`${d}.created_at`)},
    'deliveredAt', ${wireMoment(`${d}.delivered_at`)}`;
