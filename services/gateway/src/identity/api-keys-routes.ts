import type { StoredEvent } from '@tributary/event-catalog';
import {
  AppError,
  idField,
  idParams,
  list,
  ok,
  pageQuery,
  requestContext,
  SCOPES,
  success,
  timestamp,
  type ServiceApp,
} from '@tributary/http-kit';
import { sqlState, type Database } from '@tributary/schema';
import { z } from 'zod';
import { errors } from '../errors.ts';
import { API_KEY_LIST, createApiKey, revokeApiKey } from './api-keys-store.ts';
import { listRows } from './listed-rows.ts';

const keyFields = {
  id: z.string(),
  name: z.string(),
  prefix: z.string().meta({ description: 'The beginning of the key, to recognise it by' }),
  scopes: z.array(z.enum(SCOPES)),
  partnerId: z.string().nullable(),
  createdAt: timestamp,
  expiresAt: timestamp.nullable(),
  revokedAt: timestamp.nullable(),
  lastUsedAt: timestamp.nullable(),
};

const newKeySchema = z.strictObject({
  name: z.string().trim().min(1).max(200),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  partnerId: idField.optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});

export interface ApiKeyRouteDeps {
  readonly db: Pick<Database, 'query'>;
  readonly publish: (events: readonly StoredEvent[]) => void;
}

/** API keys, for super admins. */
export function registerApiKeyRoutes(app: ServiceApp, deps: ApiKeyRouteDeps): void {
  app.route({
    method: 'GET',
    url: '/auth/api-keys',
    schema: {
      querystring: z.strictObject(pageQuery({ sort: ['createdAt', 'name'], defaultSort: '-createdAt' })),
      response: { 200: list(z.object(keyFields)) },
    },
    config: {
      operationId: 'listApiKeys',
      summary: 'List API keys, without secrets',
      scope: 'identity:write',
    },
    async handler({ query, identity: { programId } }) {
      const { rows, meta } = await listRows(deps.db, API_KEY_LIST, { ...query, programId });
      return { success: true as const, data: rows, meta };
    },
  });

  app.route({
    method: 'POST',
    url: '/auth/api-keys',
    schema: {
      body: newKeySchema,
      response: { 201: success(z.object({ ...keyFields, key: z.string() })) },
    },
    config: {
      operationId: 'createApiKey',
      summary: 'Create an API key; the answer is the only place where it is shown',
      scope: 'identity:write',
      idempotency: false,
      errors: [errors.PARTNER_NOT_FOUND],
    },
    async handler(request, reply) {
      const { name, partnerId, expiresAt } = request.body;
      const scopes = [...new Set(request.body.scopes)];
      const input = { name, scopes, partnerId, expiresAt: expiresAt ? new Date(expiresAt) : undefined };
      const created = await createApiKey(deps.db, requestContext(request), input).catch(namePartnerMissing);
      return reply.code(201).send(ok(created));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/auth/api-keys/:id',
    schema: { params: idParams, response: { 200: success(z.null()) } },
    config: {
      operationId: 'revokeApiKey',
      summary: 'Revoke an API key, everywhere within a minute',
      scope: 'identity:write',
      errors: [errors.API_KEY_NOT_FOUND],
    },
    async handler(request) {
      const event = await revokeApiKey(deps.db, requestContext(request), request.params.id);
      if (event === undefined) {
        throw new AppError(errors.API_KEY_NOT_FOUND, `There is no API key ${request.params.id} in use`);
      }
      deps.publish([event]);
      return ok(null);
    },
  });
}

function namePartnerMissing(error: unknown): never {
  if (sqlState(error) !== '23503') throw error;
  throw new AppError(errors.PARTNER_NOT_FOUND, 'There is no such partner', { cause: error });
}
