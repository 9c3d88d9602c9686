import {
  AppError,
  dateRangeQuery,
  idParams,
  list,
  listText,
  ok,
  ownPartnerOnly,
  pageQuery,
  partnerFilter,
  requestContext,
  resolveDateRange,
  sendJsonText,
  success,
  validationError,
} from '@tributary/http-kit';
import type { ServiceApp } from '@tributary/http-kit';
import { DELIVERY_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import { endpointNotFound } from '../endpoints/outcomes.ts';
import { errors } from '../errors.ts';
import { countLimit, metaOf, pageOf } from '../paging.ts';
import type { RouteDeps } from '../routes-context.ts';
import { deliveryDetailSchema, deliverySchema } from './delivery-wire.ts';
import type { WireDelivery } from './delivery-wire.ts';
import { countDeliveries, findDelivery, listDeliveries } from './find-deliveries.ts';
import { recoverEndpoint, RECOVER_LIMIT, retryDelivery } from './retry-delivery.ts';
import type { RecoverOutcome, Recovery, RetryOutcome } from './retry-delivery.ts';

const read = { scope: 'webhooks:read', partnerAccess: 'own' } as const;
const write = { scope: 'webhooks:write', partnerAccess: 'own' } as const;

/** `/webhooks/deliveries`, and recovery of an endpoint's. */
export function deliveryRoutes(app: ServiceApp, deps: RouteDeps): void {
  readingRoutes(app, deps);
  retryRoute(app, deps);
  recoverRoute(app, deps);
}

function readingRoutes(app: ServiceApp, { db, clock, reportingTimeZone }: RouteDeps): void {
  app.route({
    method: 'GET',
    url: '/webhooks/deliveries',
    schema: {
      querystring: z.strictObject({
        ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
        sort: z.literal('-createdAt').default('-createdAt'),
        ...dateRangeQuery(),
        partnerId: z.uuid().optional(),
        endpointId: z.uuid().optional(),
        eventType: z.string().min(1).max(100).optional(),
        status: z.enum(DELIVERY_STATUSES).optional(),
      }),
      response: { 200: list(deliverySchema) },
    },
    config: { ...read, operationId: 'listWebhookDeliveries', summary: 'Webhook deliveries, newest first' },
    handler: async ({ identity, query }, reply) => {
      const range = resolveDateRange(query, { timeZone: reportingTimeZone, now: clock() });
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

const instant = z.iso.datetime({ offset: true });

function recoverRoute(app: ServiceApp, deps: RouteDeps): void {
  app.route({
    method: 'POST',
    url: '/webhooks/endpoints/:id/recover',
    schema: {
      params: idParams,
      body: z.strictObject({ since: instant, until: instant.optional(), dryRun: z.boolean().default(false) }),
      response: { 200: success(z.object({ matched: z.int(), queued: z.int() })) },
    },
    config: {
      ...write,
      operationId: 'recoverWebhookEndpoint',
      summary: `Deliver again what failed since a time, up to ${RECOVER_LIMIT} per call; dryRun only counts`,
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND, errors.WEBHOOK_ENDPOINT_DISABLED],
    },
    handler: async (request) => {
      const { params, identity, body } = request;
      const now = deps.clock();
      const since = new Date(body.since);
      const until = body.until === undefined ? now : new Date(body.until);
      if (since > until) throw validationError([{ path: 'since', message: 'must not be after until' }]);
      const target = {
        id: params.id,
        ownPartnerId: ownPartnerOnly(identity),
        since,
        until,
        dryRun: body.dryRun,
      };
      const outcome = await recoverEndpoint(deps.db, requestContext(request, now), target);
      const recovery = recoveryOrThrow(outcome, params.id);
      deps.wake();
      return ok(recovery);
    },
  });
}

function deliveryNotFound(id: string): AppError {
  return new AppError(errors.WEBHOOK_DELIVERY_NOT_FOUND, `There is no webhook delivery ${id}`);
}

function endpointDisabled(): AppError {
  return new AppError(
    errors.WEBHOOK_ENDPOINT_DISABLED,
    'Switch the endpoint on before delivering to it again',
  );
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

function recoveryOrThrow(outcome: RecoverOutcome, id: string): Recovery {
  switch (outcome.outcome) {
    case 'done':
      return outcome.recovery;
    case 'not_found':
      throw endpointNotFound(id);
    case 'endpoint_disabled':
      throw endpointDisabled();
  }
}
