import { idField, list, listMeta, ok, success, timestamp, type ServiceApp } from '@tributary/http-kit';
import { z } from 'zod';
import type { OperationsDeps } from '../deps.ts';
import { pageOfQuery } from '../lists/page-of.ts';
import { readActivityOf, readRecentActivity, readTrail } from './audit-store.ts';

const auditSchema = z.object({
  id: z.uuid(),
  entityType: z.string(),
  entityId: z.string(),
  action: z.string(),
  userId: z.uuid().nullable(),
  actor: z.string(),
  changes: z.array(z.object({ field: z.string(), oldValue: z.unknown(), newValue: z.unknown() })),
  reason: z.string().nullable(),
  reasonCode: z.string().nullable(),
  ipAddress: z.string().nullable(),
  userAgent: z.string().nullable(),
  requestId: z.string().nullable(),
  jobId: z.uuid().nullable(),
  createdAt: timestamp,
  description: z.string(),
});

const { limit } = pageOfQuery.shape;

const trailParams = z.strictObject({
  entityType: z
    .string()
    .regex(/^[a-z][a-z_]{0,49}$/, 'must be the name of a kind of record, such as commission'),
  /** An id of ours in any spelling, as everywhere; other keys, of settings and the like, as they are written. */
  entityId: z
    .string()
    .min(1)
    .max(200)
    .overwrite((id) => idField.safeParse(id).data ?? id),
});

/** Who changed what, when and from where. */
export function registerAudit(app: ServiceApp, deps: OperationsDeps): void {
  registerTrail(app, deps);
  registerActivity(app, deps);
}

function registerTrail(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/audit-trail/:entityType/:entityId',
    schema: {
      params: trailParams,
      querystring: pageOfQuery,
      response: { 200: list(auditSchema) },
    },
    config: {
      operationId: 'getAuditTrail',
      summary: 'What happened to one record, the newest first',
      scope: 'operations:read',
    },
    async handler(request) {
      const { page, limit } = request.query;
      const { entries, total } = await readTrail(deps.db, request.identity.programId, {
        ...request.params,
        page,
        limit,
      });
      return {
        success: true as const,
        data: entries,
        meta: listMeta({ counted: total, exact: true, page, limit }),
      };
    },
  });
}

function registerActivity(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/activity/user/:userId',
    schema: {
      params: z.strictObject({ userId: idField }),
      querystring: z.strictObject({ limit }),
      response: { 200: success(z.array(auditSchema)) },
    },
    config: { operationId: 'getUserActivity', summary: 'What a user did last', scope: 'operations:read' },
    async handler(request) {
      const { programId } = request.identity;
      return ok(await readActivityOf(deps.db, programId, request.params.userId, request.query.limit));
    },
  });

  app.route({
    method: 'GET',
    url: '/operations/activity/recent',
    schema: { querystring: z.strictObject({ limit }), response: { 200: success(z.array(auditSchema)) } },
    config: {
      operationId: 'getRecentActivity',
      summary: 'What was done last by anybody',
      scope: 'operations:read',
    },
    async handler(request) {
      return ok(await readRecentActivity(deps.db, request.identity.programId, request.query.limit));
    },
  });
}
