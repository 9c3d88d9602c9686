import { eventCatalog, exampleEvent, PARTNER_EVENT_TYPES } from '@tributary/event-catalog';
import type { EventType } from '@tributary/event-catalog';
import { ok, success } from '@tributary/http-kit';
import type { ServiceApp } from '@tributary/http-kit';
import { z } from 'zod';
import { webhookBody } from '../fan-out/webhook-body.ts';

const eventTypeSchema = z.object({
  type: z.string(),
  description: z.string(),
  schema: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema of the whole body' }),
  example: z.record(z.string(), z.unknown()),
});

/** `/webhooks/event-types`: what endpoints can subscribe to. */
export function eventTypeRoutes(app: ServiceApp): void {
  const published = PARTNER_EVENT_TYPES.map(describeType);
  app.route({
    method: 'GET',
    url: '/webhooks/event-types',
    schema: { response: { 200: success(z.array(eventTypeSchema)) } },
    config: {
      scope: 'webhooks:read',
      partnerAccess: 'own',
      operationId: 'listWebhookEventTypes',
      summary: 'Every event type that webhooks carry, with schema and example',
    },
    handler: () => ok(published),
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
