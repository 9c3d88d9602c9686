import { Parameters } from '@tributary/commissions';
import {
  AppError,
  idField,
  idParams,
  list,
  pageQuery,
  sendJsonText,
  success,
  type ServiceApp,
} from '@tributary/http-kit';
import { PARTNER_TIERS, POLICY_STATUSES, POLICY_TYPES } from '@tributary/schema';
import { z } from 'zod';
import { sendRecord } from '../changes/versioned-answer.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { listPage } from '../lists/list-page.ts';
import { pageOfQuery } from '../lists/page-of.ts';
import type { ListSource } from '../lists/list-source.ts';
import { policySchema, policyVersionSchema } from './policy-schema.ts';
import { findPolicy } from './policy-store.ts';
import { policyWire } from './policy-wire.ts';
import { listVersions } from './versions.ts';
import { registerPolicyWrites } from './write-routes.ts';

const CURRENT_TERMS = `(SELECT v FROM commission_policy_versions v
    WHERE v.program_id = p.program_id AND v.policy_id = p.id AND v.version = p.current_version)`;

const POLICY_LIST = {
  from: 'commission_policies p',
  alias: 'p',
  columns: `p.*, ${CURRENT_TERMS} AS terms`,
  wire: policyWire('p', '(p.terms)'),
  sorts: { createdAt: { expression: 'p.created_at', type: 'timestamptz' } },
} as const satisfies ListSource<string>;

const policyQuery = z.strictObject({
  ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
  code: z.string().max(100).optional(),
  status: z.enum(POLICY_STATUSES).optional(),
  type: z.enum(POLICY_TYPES).optional(),
  partnerId: idField.optional(),
  partnerTier: z.enum(PARTNER_TIERS).optional(),
  productId: idField.optional(),
});

export function registerPolicies(app: ServiceApp, deps: OperationsDeps): void {
  registerList(app, deps);
  registerReads(app, deps);
  registerPolicyWrites(app, deps);
}

function registerList(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/policies',
    schema: { querystring: policyQuery, response: { 200: list(policySchema) } },
    config: {
      operationId: 'listPolicies',
      summary: 'List policies with their current terms',
      scope: 'catalog:read',
    },
    async handler(request, reply) {
      const { page, limit, sort, cursor, count, ...filter } = request.query;
      const { code, status, type, partnerId, partnerTier, productId } = filter;
      const parameters = new Parameters();
      const conditions = [`p.program_id = ${parameters.add(request.identity.programId, 'text')}`];
      if (code !== undefined) conditions.push(`p.code = ${parameters.add(code, 'text')}`);
      if (status !== undefined) conditions.push(`p.status = '${status}'`);
      const terms: string[] = [];
      if (type !== undefined) terms.push(`v.type = '${type}'`);
      if (partnerId !== undefined) terms.push(`v.partner_id = ${parameters.add(partnerId, 'uuid')}`);
      if (partnerTier !== undefined) terms.push(`v.partner_tier = '${partnerTier}'`);
      if (productId !== undefined) terms.push(`v.product_id = ${parameters.add(productId, 'uuid')}`);
      if (terms.length > 0) {
        conditions.push(`EXISTS (SELECT FROM commission_policy_versions v WHERE v.program_id = p.program_id
          AND v.policy_id = p.id AND v.version = p.current_version AND ${terms.join(' AND ')})`);
      }
      const query = { page, limit, sort, cursor, count };
      return sendJsonText(
        reply,
        await listPage(deps.reads, POLICY_LIST, { query, conditions, parameters, filter }),
      );
    },
  });
}

function registerReads(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/policies/:id',
    schema: { params: idParams, response: { 200: success(policySchema) } },
    config: {
      operationId: 'getPolicy',
      summary: 'Get a policy with its current terms',
      scope: 'catalog:read',
      errors: [errors.POLICY_NOT_FOUND],
    },
    async handler(request, reply) {
      const text = await findPolicy(deps.db, request.identity.programId, request.params.id);
      if (text === undefined) throw policyNotFound(request.params.id);
      return sendRecord(reply, text);
    },
  });

  app.route({
    method: 'GET',
    url: '/policies/:id/versions',
    schema: { params: idParams, querystring: pageOfQuery, response: { 200: list(policyVersionSchema) } },
    config: {
      operationId: 'listPolicyVersions',
      summary: "List the versions of a policy's terms, the newest first",
      scope: 'catalog:read',
      errors: [errors.POLICY_NOT_FOUND],
    },
    async handler(request, reply) {
      const { id } = request.params;
      const text = await listVersions(deps.db, request.identity.programId, { id, ...request.query });
      if (text === undefined) throw policyNotFound(id);
      return sendJsonText(reply, text);
    },
  });
}

const policyNotFound = (id: string) => new AppError(errors.POLICY_NOT_FOUND, `There is no policy ${id}`);
