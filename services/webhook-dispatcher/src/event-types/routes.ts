import { eventCatalog, exampleEvent, PARTNER_EVENT_TYPES } from '@tributary/event-catalog';
import type { EventType } from '@tributary/event-catalog';
import { list, listMeta, queryInteger } from '@tributary/http-kit';
import type { ServiceApp } from '@tributary/http-kit';
import { z } from 'zod';
import { webhookBody } from '../fan-out/webhook-body.ts';

const eventTypeSchema = z.object({
  type: z.string(),
  description: z.string(),
  schema: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema of the whole body' }),
  example: z.record(z.string(), z.unknown()),
});

/** An enumeration that is read as a whole, unless asked otherwise. */
const pageOfAll = z.strictObject({
  page: queryInteger(1, 10_000).default(1),
  limit: queryInteger(1, 100).default(100),
});

/** `/webhooks/event-types`: what endpoints can subscribe to. */
export function eventTypeRoutes(app: ServiceApp): void {
  const published = PARTNER_EVENT_TYPES.map(describeType);
  app.route({
    method: 'GET',
    url: '/webhooks/event-types',
    schema: { querystring: pageOfAll, response: { 200: list(eventTypeSchema) } },
    config: {
      scope: 'webhooks:read',
      partnerAccess: 'own',
      operationId: 'listWebhookEventTypes',
      summary: 'Every event type that webhooks carry, with schema and example',
    },
    handler: ({ query: { page, limit } }) => ({
      success: true as const,
      data: published.slice((page - 1) * limit, page * limit),
      meta: listMeta({ counted: published.length, page, limit }),
    }),
  });
}

function describeType(type: EventType): z.output<typeof eventTypeSchema> {
  const { description, dataSchema } = eventCatalog[type];
  const body = z.object({
    id: z.uuid().meta({ description: 'The same in every attempt, and the header webhook-id' }),
    type: z.literal(type),
    timestamp: z.iso
      .datetime()
      .meta({ description: 'When it happened; deliveries may come in another order' }),
    data: dataSchema,
  });
  return {
    type,
    description,
    schema: z.toJSONSchema(body, { target: 'draft-2020-12' }),
    example: z.record(z.string(), z.unknown()).parse(JSON.parse(webhookBody(exampleEvent(type)))),
  };
}
