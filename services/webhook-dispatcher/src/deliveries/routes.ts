import {
  AppError,
  dateRangeQuery,
  idField,
  idParams,
  list,
  listText,
  ok,
  ownPartnerOnly,
  partnerFilter,
  requestContext,
  resolveDateRange,
  sendJsonText,
  success,
  withOrderedDates,
} from '@tributary/http-kit';
import type { ServiceApp } from '@tributary/http-kit';
import { DELIVERY_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import { endpointDisabled } from '../endpoints/outcomes.ts';
import { errors } from '../errors.ts';
import { countLimit, metaOf, pageByTime, pageOf } from '../paging.ts';
import type { RouteDeps } from '../routes-context.ts';
import { reportingTimeZoneOf } from '../settings/reporting-time-zone.ts';
import { deliveryDetailSchema, deliverySchema } from './delivery-wire.ts';
import type { WireDelivery } from './delivery-wire.ts';
import { countDeliveries, findDelivery, listDeliveries } from './find-deliveries.ts';
import { retryDelivery } from './retry-delivery.ts';
import type { RetryOutcome } from './retry-delivery.ts';

const read = { scope: 'webhooks:read', partnerAccess: 'own' } as const;
const write = { scope: 'webhooks:write', partnerAccess: 'own' } as const;

/** `/webhooks/deliveries` */
export function deliveryRoutes(app: ServiceApp, deps: RouteDeps): void {
  readingRoutes(app, deps);
  retryRoute(app, deps);
}

function readingRoutes(app: ServiceApp, { db, clock, reportingTimeZone }: RouteDeps): void {
  app.route({
    method: 'GET',
    url: '/webhooks/deliveries',
    schema: {
      querystring: withOrderedDates(
        z.strictObject({
          ...pageByTime,
          ...dateRangeQuery(),
          partnerId: idField.optional(),
          endpointId: idField.optional(),
          eventType: z.string().min(1).max(100).optional(),
          status: z.enum(DELIVERY_STATUSES).optional(),
        }),
      ),
      response: { 200: list(deliverySchema) },
    },
    config: { ...read, operationId: 'listWebhookDeliveries', summary: 'Webhook deliveries by time' },
    handler: async ({ identity, query }, reply) => {
      const timeZone = await reportingTimeZoneOf(db, identity.programId, reportingTimeZone);
      const range = resolveDateRange(query, { timeZone, now: clock() });
      const { partnerId, none } = partnerFilter(identity, query.partnerId);
      const { endpointId, eventType, status } = query;
      const filters = { programId: identity.programId, partnerId, endpointId, eventType, status, ...range };
      const [counted, page] = none
        ? [0, { rows: '[]', last: null, size: 0 }]
        : await Promise.all([
            countDeliveries(db, filters, countLimit(query)),
            listDeliveries(db, filters, pageOf(query)),
          ]);
      return sendJsonText(reply, listText(page.rows, metaOf(query, counted, page)));
    },
  });
  app.route({
    method: 'GET',
    url: '/webhooks/deliveries/:id',
    schema: { params: idParams, response: { 200: success(deliveryDetailSchema) } },
    config: {
      ...read,
      operationId: 'getWebhookDelivery',
      summary: 'One delivery with every attempt',
      errors: [errors.WEBHOOK_DELIVERY_NOT_FOUND],
    },
    handler: async ({ identity, params }) => {
      const ref = { programId: identity.programId, id: params.id, ownPartnerId: ownPartnerOnly(identity) };
      const delivery = await findDelivery(db, ref);
      if (delivery === undefined) throw deliveryNotFound(params.id);
      return ok(delivery);
    },
  });
}

function retryRoute(app: ServiceApp, deps: RouteDeps): void {
  app.route({
    method: 'POST',
    url: '/webhooks/deliveries/:id/retry',
    schema: { params: idParams, response: { 200: success(deliverySchema) } },
    config: {
      ...write,
      operationId: 'retryWebhookDelivery',
      summary: 'Deliver once more, whatever became of it before',
      errors: [
        errors.WEBHOOK_DELIVERY_NOT_FOUND,
        errors.WEBHOOK_ENDPOINT_DISABLED,
        errors.WEBHOOK_DELIVERY_IN_PROGRESS,
      ],
    },
    handler: async (request) => {
      const { params, identity } = request;
      const target = { id: params.id, ownPartnerId: ownPartnerOnly(identity) };
      const outcome = await retryDelivery(deps.db, requestContext(request, deps.clock()), target);
      const delivery = queuedOrThrow(outcome, params.id);
      deps.wake();
      return ok(delivery);
    },
  });
}

function deliveryNotFound(id: string): AppError {
  return new AppError(errors.WEBHOOK_DELIVERY_NOT_FOUND, `There is no webhook delivery ${id}`);
}

function queuedOrThrow(outcome: RetryOutcome, id: string): WireDelivery {
  switch (outcome.outcome) {
    case 'queued':
      return outcome.delivery;
    case 'not_found':
      throw deliveryNotFound(id);
    case 'endpoint_disabled':
      throw endpointDisabled();
    case 'in_progress':
      throw new AppError(
        errors.WEBHOOK_DELIVERY_IN_PROGRESS,
        'An attempt is under way; its result comes shortly',
      );
  }
}
