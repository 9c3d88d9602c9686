import {
  expectedVersion,
  idField,
  idParams,
  list,
  listText,
  ok,
  ownPartnerOnly,
  partnerFilter,
  rememberAnswer,
  requestContext,
  sendJsonText,
  success,
  versionEtag,
} from '@tributary/http-kit';
import type { ServiceApp } from '@tributary/http-kit';
import { ENDPOINT_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import { errors } from '../errors.ts';
import { countLimit, metaOf, pageByTime, pageOf } from '../paging.ts';
import type { RouteDeps } from '../routes-context.ts';
import { generateSecret } from '../signing/secret.ts';
import { changeEndpoint, deleteEndpoint, rotateSecret } from './change-endpoint.ts';
import { createEndpoint } from './create-endpoint.ts';
import { endpointSchema, eventTypesField } from './endpoint-wire.ts';
import { findEndpoint, findTarget } from './find-endpoint.ts';
import { countEndpoints, listEndpoints } from './list-endpoints.ts';
import {
  assertWellAsked,
  createdOrThrow,
  doneOrThrow,
  endpointNotFound,
  normalUrl,
  partnerOf,
} from './outcomes.ts';
import { urlField } from './url-field.ts';
import { testEndpoint } from './test-endpoint.ts';

const LONGEST_SCHEDULE_SECONDS = 75.6 * 3600;

const fields = {
  eventTypes: eventTypesField,
  description: z.string().trim().max(500).nullable(),
  rateLimitPerSecond: z.int().min(1).max(1_000),
  retryDelaysSeconds: z
    .array(z.int().min(1).max(86_400))
    .max(10)
    .refine(
      (delays) => delays.reduce((sum, delay) => sum + delay, 0) <= LONGEST_SCHEDULE_SECONDS,
      'is over 75 hours',
    )
    .nullable()
    .meta({
      description: 'Seconds before the second, third, ... attempt; null: the default schedule (5, 30)',
    }),
};

const createBody = ({ addressPolicy }: RouteDeps) =>
  z.strictObject({
    partnerId: idField
      .optional()
      .meta({ description: 'Needed from everybody but partners, whose own it is' }),
    url: urlField(addressPolicy),
    eventTypes: fields.eventTypes.default([]),
    description: fields.description.default(null),
    rateLimitPerSecond: fields.rateLimitPerSecond.default(100),
    retryDelaysSeconds: fields.retryDelaysSeconds.default(null),
  });

const changeBody = ({ addressPolicy }: RouteDeps) =>
  z
    .strictObject({ ...fields, url: urlField(addressPolicy), status: z.enum(['enabled', 'disabled']) })
    .partial()
    .refine((changes) => Object.keys(changes).length > 0, 'must name a field to change');

const secretSchema = z
  .string()
  .meta({ description: 'The signing secret (whsec_...): shown now and never again' });
const withSecret = endpointSchema.extend({ secret: secretSchema });

const testResult = z.object({
  eventId: z.uuid(),
  delivered: z.boolean(),
  statusCode: z.int().nullable(),
  error: z.string().nullable(),
  durationMs: z.int(),
});

const read = { scope: 'webhooks:read', partnerAccess: 'own' } as const;
const write = { scope: 'webhooks:write', partnerAccess: 'own' } as const;

/** `/webhooks/endpoints` */
export function endpointRoutes(app: ServiceApp, deps: RouteDeps): void {
  listingRoutes(app, deps);
  creationRoute(app, deps);
  changingRoutes(app, deps);
  actionRoutes(app, deps);
}

function listingRoutes(app: ServiceApp, { db }: RouteDeps): void {
  app.route({
    method: 'GET',
    url: '/webhooks/endpoints',
    schema: {
      querystring: z.strictObject({
        ...pageByTime,
        partnerId: idField.optional(),
        status: z.enum(ENDPOINT_STATUSES).optional(),
      }),
      response: { 200: list(endpointSchema) },
    },
    config: { ...read, operationId: 'listWebhookEndpoints', summary: 'Webhook endpoints by time' },
    handler: async ({ identity, query }, reply) => {
      const { partnerId, none } = partnerFilter(identity, query.partnerId);
      const filters = { programId: identity.programId, partnerId, status: query.status };
      const [counted, page] = none
        ? [0, { rows: '[]', last: null, size: 0 }]
        : await Promise.all([
            countEndpoints(db, filters, countLimit(query)),
            listEndpoints(db, filters, pageOf(query)),
          ]);
      return sendJsonText(reply, listText(page.rows, metaOf(query, counted, page)));
    },
  });
  app.route({
    method: 'GET',
    url: '/webhooks/endpoints/:id',
    schema: { params: idParams, response: { 200: success(endpointSchema) } },
    config: {
      ...read,
      operationId: 'getWebhookEndpoint',
      summary: 'One webhook endpoint',
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND],
    },
    handler: async ({ identity, params }, reply) => {
      const ref = { programId: identity.programId, id: params.id, ownPartnerId: ownPartnerOnly(identity) };
      const endpoint = await findEndpoint(db, ref);
      if (endpoint === undefined) throw endpointNotFound(params.id);
      reply.header('etag', versionEtag(endpoint.version));
      return ok(endpoint);
    },
  });
}

function creationRoute(app: ServiceApp, deps: RouteDeps): void {
  app.route({
    method: 'POST',
    url: '/webhooks/endpoints',
    attachValidation: true,
    schema: { body: createBody(deps), response: { 201: success(withSecret) } },
    config: {
      ...write,
      operationId: 'createWebhookEndpoint',
      summary: 'Register a webhook endpoint; its secret is in this answer only',
      idempotency: false,
      errors: [errors.PARTNER_NOT_FOUND, errors.WEBHOOK_ENDPOINT_LIMIT],
      bodyExamples: [{ url: 'https://harbour-reviews.example/webhooks', eventTypes: ['commission.paid'] }],
    },
    handler: async (request, reply) => {
      const own = ownPartnerOnly(request.identity);
      assertWellAsked(request, own);
      const { body } = request;
      const partnerId = partnerOf(body.partnerId, own);
      const context = requestContext(request, deps.clock());
      const outcome = await createEndpoint(deps, context, { ...body, url: normalUrl(body.url), partnerId });
      reply.code(201);
      return ok(createdOrThrow(outcome, partnerId));
    },
  });
}

function changingRoutes(app: ServiceApp, deps: RouteDeps): void {
  app.route({
    method: 'PATCH',
    url: '/webhooks/endpoints/:id',
    schema: { params: idParams, body: changeBody(deps), response: { 200: success(endpointSchema) } },
    config: {
      ...write,
      operationId: 'changeWebhookEndpoint',
      summary: 'Change a webhook endpoint, or switch it on or off',
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND],
    },
    handler: async (request, reply) => {
      const { body, params, identity } = request;
      const changes = body.url === undefined ? body : { ...body, url: normalUrl(body.url) };
      const target = {
        id: params.id,
        ownPartnerId: ownPartnerOnly(identity),
        expectedVersion: expectedVersion(request),
      };
      const outcome = await changeEndpoint(deps, requestContext(request, deps.clock()), {
        ...target,
        changes,
      });
      const endpoint = doneOrThrow(outcome, params.id);
      if (body.status === 'enabled') deps.wake();
      reply.header('etag', versionEtag(endpoint.version));
      return ok(endpoint);
    },
  });
  app.route({
    method: 'DELETE',
    url: '/webhooks/endpoints/:id',
    schema: { params: idParams, response: { 200: success(endpointSchema) } },
    config: {
      ...write,
      operationId: 'deleteWebhookEndpoint',
      summary: 'Remove a webhook endpoint; the history of its deliveries stays',
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND],
    },
    handler: async (request) => {
      const { params, identity } = request;
      const outcome = await deleteEndpoint(deps, requestContext(request, deps.clock()), {
        id: params.id,
        ownPartnerId: ownPartnerOnly(identity),
        expectedVersion: expectedVersion(request),
      });
      return ok(doneOrThrow(outcome, params.id));
    },
  });
}

function actionRoutes(app: ServiceApp, deps: RouteDeps): void {
  app.route({
    method: 'POST',
    url: '/webhooks/endpoints/:id/rotate-secret',
    schema: { params: idParams, response: { 200: success(withSecret) } },
    config: {
      ...write,
      operationId: 'rotateWebhookSecret',
      summary: 'Replace the secret; for 24 hours both sign',
      idempotency: false,
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND],
    },
    handler: async (request) => {
      const { params, identity } = request;
      const secret = generateSecret();
      const outcome = await rotateSecret(deps, requestContext(request, deps.clock()), {
        id: params.id,
        ownPartnerId: ownPartnerOnly(identity),
        expectedVersion: expectedVersion(request),
        sealedSecret: deps.secretBox.seal(secret, params.id),
      });
      return ok({ ...doneOrThrow(outcome, params.id), secret });
    },
  });
  app.route({
    method: 'POST',
    url: '/webhooks/endpoints/:id/test',
    schema: { params: idParams, response: { 200: success(testResult) } },
    config: {
      ...write,
      operationId: 'testWebhookEndpoint',
      summary: 'Send a signed example now and say how it went',
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND],
    },
    handler: async (request) => {
      const { identity, params } = request;
      const ref = { programId: identity.programId, id: params.id, ownPartnerId: ownPartnerOnly(identity) };
      const target = await findTarget(deps.db, ref);
      if (target === undefined) throw endpointNotFound(params.id);
      const answer = ok(await testEndpoint(deps, target));
      await rememberAnswer(deps.db, request, { status: 200, body: answer });
      return answer;
    },
  });
}
