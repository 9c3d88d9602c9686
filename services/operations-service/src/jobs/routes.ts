import { jobWire, Parameters, type CommandContext } from '@tributary/commissions';
import {
  AppError,
  assertAllowed,
  idParams,
  jobDetailSchema,
  jobSchema,
  list,
  pageQuery,
  requestContext,
  sendJsonText,
  success,
  successText,
  validationError,
  type Identity,
  type ServiceApp,
} from '@tributary/http-kit';
import { JOB_STATUSES, type Database } from '@tributary/schema';
import { z } from 'zod';
import { writeRecorded } from '../changes/recorded-write.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { listPage } from '../lists/list-page.ts';
import { findJob, JOB_LIST } from './job-store.ts';
import { queueJob } from './queue-job.ts';
import { isRunnable, parametersOf, RUNNABLE_JOBS, runBody } from './runnable-jobs.ts';

const jobQuery = z.strictObject({
  ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
  name: z.string().min(1).max(100).optional(),
  status: z.enum(JOB_STATUSES).optional(),
});

const { page, limit } = pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' });

/** Any name: one that is of no job is not found, as an id would be. */
const runParams = z.strictObject({ name: z.string().meta({ enum: Object.keys(RUNNABLE_JOBS) }) });

/** Runs, bulk jobs, imports and rebuilds as resources; batch-scheduler alone runs them. */
export function registerJobs(app: ServiceApp, deps: OperationsDeps): void {
  registerList(app, deps);
  registerDetail(app, deps);
  registerRun(app, deps);
  registerCancel(app, deps);
}

function registerList(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/jobs',
    schema: { querystring: jobQuery, response: { 200: list(jobSchema) } },
    config: { operationId: 'listJobs', summary: 'List jobs, the newest first', scope: 'operations:read' },
    async handler(request, reply) {
      const { name, status, ...query } = request.query;
      const parameters = new Parameters();
      const conditions = [`j.program_id = ${parameters.add(request.identity.programId, 'text')}`];
      if (name !== undefined) conditions.push(`j.name = ${parameters.add(name, 'text')}`);
      if (status !== undefined) conditions.push(`j.status = '${status}'`);
      const filter = { name, status };
      return sendJsonText(
        reply,
        await listPage(deps.db, JOB_LIST, { query, conditions, parameters, filter }),
      );
    },
  });
}

function registerDetail(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/jobs/:id',
    schema: {
      params: idParams,
      querystring: z.strictObject({ page, limit }),
      response: { 200: success(jobDetailSchema) },
    },
    config: {
      operationId: 'getJob',
      summary: 'Get a job with its progress and a page of its results',
      scope: 'operations:read',
      errors: [errors.JOB_NOT_FOUND],
    },
    async handler(request, reply) {
      const { id } = request.params;
      const text = await findJob(deps.db, request.identity.programId, { id, ...request.query });
      if (text === undefined) throw jobNotFound(id);
      return sendJsonText(reply, successText(text));
    },
  });
}

function registerRun(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/jobs/:name/run',
    schema: {
      params: runParams,
      body: runBody,
      response: { 202: success(jobSchema) },
    },
    config: {
      operationId: 'runJob',
      summary: 'Run a job now, in the name of the caller',
      description:
        "The body is the job's parameters, or an object that holds them as parameters. rebuild-rollups and reconcile-rollups " +
        'take the days from and to; the others take none, and no body is needed then.',
      scope: 'jobs:run',
      errors: [errors.JOB_NOT_FOUND],
      bodyExamples: [{}, { from: '2026-01-01', to: '2026-01-02' }, { parameters: { from: '2026-01-01' } }],
    },
    async handler(request, reply) {
      const { name } = request.params;
      if (!isRunnable(name))
        throw new AppError(errors.JOB_NOT_FOUND, `No job to be run by hand is called ${name}`);
      const given = parametersOf(name, request.body);
      if ('faults' in given) throw validationError(given.faults);
      const context = requestContext(request, deps.clock());
      const text = await queueJob(deps, context, { name, ...given, trigger: 'manual' });
      reply.code(202);
      return sendJsonText(reply, successText(text));
    },
  });
}

function registerCancel(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/jobs/:id/cancel',
    schema: { params: idParams, response: { 200: success(jobSchema) } },
    config: {
      operationId: 'cancelJob',
      summary: 'Cancel a queued job at once; a running one stops after the items under way',
      description:
        'A bulk payment is cancelled with the scope payments:write, which starts it, or with operations:write, as every other job is.',
      scope: ['operations:write', 'payments:write'],
      errors: [errors.JOB_NOT_FOUND, errors.JOB_ENDED],
    },
    async handler(request, reply) {
      const { id } = request.params;
      const context = requestContext(request, deps.clock());
      await assertMayCancel(deps.db, request.identity, id);
      const text = await cancelJob(deps, context, id);
      if (text !== undefined) return sendJsonText(reply, successText(text));
      const [job] = await deps.db.query<{ status: string }>(
        'SELECT status FROM jobs WHERE program_id = $1 AND id = $2',
        [context.programId, id],
      );
      if (job === undefined) throw jobNotFound(id);
      throw new AppError(
        errors.JOB_ENDED,
        `The job is ${job.status}; only queued and running ones can be cancelled`,
        {
          members: { currentStatus: job.status, allowedStatuses: ['queued', 'running'] },
        },
      );
    },
  });
}

/** Who may pay may stop a payment, and nothing else. */
async function assertMayCancel(db: Database, identity: Identity, id: string): Promise<void> {
  if (identity.scopes.includes('operations:write')) return;
  const [job] = await db.query<{ pays: boolean }>(
    `SELECT name = 'bulk-commissions' AND parameters ->> 'action' = 'pay' AS pays FROM jobs WHERE program_id = $1 AND id = $2`,
    [identity.programId, id],
  );
  if (job === undefined) throw jobNotFound(id);
  if (!job.pays) assertAllowed({ scope: 'operations:write' }, identity);
}

/** The runner of a running job sees the request between two chunks; a queued one ends here. */
function cancelJob(deps: OperationsDeps, context: CommandContext, id: string): Promise<string | undefined> {
  return writeRecorded(deps, context, (parameters, c) => ({
    ctes: [
      `written AS (
      UPDATE jobs j SET cancel_requested = TRUE,
        status = CASE WHEN j.status = 'queued' THEN 'cancelled' ELSE j.status END,
        finished_at = CASE WHEN j.status = 'queued' THEN ${c.now} ELSE j.finished_at END
      WHERE j.program_id = ${c.programId} AND j.id = ${parameters.add(id, 'uuid')} AND j.status IN ('queued', 'running')
      RETURNING j.*, old.status AS old_status)`,
    ],
    entityType: 'job',
    entityId: 'r.id::text',
    action: 'cancelled',
    changes: `CASE WHEN r.old_status = r.status THEN '[]'::jsonb
      ELSE jsonb_build_array(jsonb_build_object('field', 'status', 'oldValue', r.old_status, 'newValue', r.status)) END`,
    events: [
      {
        type: 'job.finished',
        subject: `jsonb_build_object('jobId', r.id)`,
        data: `jsonb_build_object('jobId', r.id, 'name', r.name, 'trigger', r.trigger, 'status', r.status,
          'total', coalesce(r.total, 0), 'succeeded', r.succeeded, 'failed', r.failed)`,
        where: `r.status = 'cancelled'`,
      },
    ],
    answer: `(SELECT ${jobWire('r')} FROM written r)`,
  }));
}

const jobNotFound = (id: string) => new AppError(errors.JOB_NOT_FOUND, `There is no job ${id}`);
