import { Readable } from 'node:stream';
import {
  AppError,
  commonErrors,
  requestContext,
  sendJsonText,
  success,
  successText,
  timestamp,
  validationError,
  type ServiceApp,
} from '@tributary/http-kit';
import { JOB_STATUSES, JOB_TRIGGERS } from '@tributary/schema';
import { z } from 'zod';
import type { TrackingDeps } from '../deps.ts';
import { parseUpload, type UploadFormat } from './parse-upload.ts';
import { queueImport } from './queue-import.ts';
import { LineTooLongError } from './read-lines.ts';
import { storeUpload } from './store-upload.ts';

const FORMATS: Readonly<Record<string, UploadFormat>> = {
  'application/x-ndjson': 'ndjson',
  'text/csv': 'csv',
};

const queuedJob = z.object({
  id: z.uuid(),
  name: z.string(),
  trigger: z.enum(JOB_TRIGGERS),
  status: z.enum(JOB_STATUSES),
  total: z.int().nullable(),
  succeeded: z.int(),
  failed: z.int(),
  skipped: z.int(),
  stats: z.record(z.string(), z.unknown()),
  parameters: z.record(z.string(), z.unknown()),
  actor: z.string(),
  error: z.string().nullable(),
  cancelRequested: z.boolean(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  finishedAt: timestamp.nullable(),
});

/** Takes orders by the file. Encapsulated, because nowhere else is a body anything but JSON. */
export async function importRoutes(app: ServiceApp, deps: TrackingDeps): Promise<void> {
  await app.register(async (scope: ServiceApp) => {
    scope.addContentTypeParser(Object.keys(FORMATS), (_request, payload, done) => done(null, payload));
    importRoute(scope, deps);
  });
}

function importRoute(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'POST',
    url: '/tracking/conversions/import',
    schema: {
      body: z.unknown().meta({ description: 'A stream of orders, each as the body of recordConversion' }),
      consumes: Object.keys(FORMATS),
      response: { 202: success(queuedJob) },
    },
    config: {
      operationId: 'importConversions',
      summary: 'Import orders from an NDJSON or CSV file of any length as a job, with a result for each line',
      description:
        'A line of NDJSON is the body of recordConversion; CSV has a header that names its fields, and one product a line.',
      scope: 'conversions:write',
      // A body that is not kept cannot be compared; orders are idempotent, so that the same file again changes nothing.
      idempotency: false,
    },
    handler: async (request, reply) => {
      const { body } = request;
      const format = FORMATS[request.mediaType ?? ''];
      if (format === undefined || !(body instanceof Readable)) throw notAFile();
      const context = requestContext(request, deps.clock());
      const lines = parseUpload({ hashes: deps.hashes, now: context.now }, format, body);
      const stored = await storeUpload(deps.db, context.programId, lines).catch(asProblem);
      if (stored.lines === 0) throw validationError([{ path: '', message: 'The file holds no orders' }]);
      return sendJsonText(reply.code(202), successText(await queueImport(deps, context, stored)));
    },
  });
}

const notAFile = (): AppError =>
  new AppError(commonErrors.UNSUPPORTED_MEDIA_TYPE, `The body must be ${Object.keys(FORMATS).join(' or ')}`);

const BROKEN_OFF = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR']);

function asProblem(error: unknown): never {
  if (error instanceof LineTooLongError) throw validationError([{ path: '', message: error.message }]);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (BROKEN_OFF.has(code)) {
    throw new AppError(commonErrors.VALIDATION_ERROR, 'The body was not sent to its end', { cause: error });
  }
  throw error;
}
