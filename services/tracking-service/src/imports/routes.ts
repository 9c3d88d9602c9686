import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AppError,
  commonErrors,
  idParams,
  jobDetailSchema,
  jobSchema,
  noteBodyHash,
  pageQuery,
  queryBoolean,
  requestContext,
  sendJsonText,
  success,
  successText,
  validationError,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import { postedConversionAt } from '../conversions/posted-conversion.ts';
import type { TrackingDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { findImport } from './import-job.ts';
import { parseUpload, type UploadFormat } from './parse-upload.ts';
import { queueImport } from './queue-import.ts';
import { LineTooLongError } from './read-lines.ts';
import { storeUpload } from './store-upload.ts';

/** Lines of JSON have several names, none of them registered. */
const FORMATS: Readonly<Record<string, UploadFormat>> = {
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'text/csv': 'csv',
};

const TEXTS: Readonly<Record<UploadFormat, string>> = {
  ndjson:
    '{"orderId":"SO-10482","sku":"TENT-DUO","orderAmount":449,"currency":"USD","referralCode":"HARBOUR"}\n',
  csv: 'orderId,sku,orderAmount,currency,referralCode\nSO-10482,TENT-DUO,449,USD,HARBOUR\n',
};
const EXAMPLES = Object.fromEntries(Object.entries(FORMATS).map(([type, format]) => [type, TEXTS[format]]));

const { page, limit } = pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' });

/** Takes orders by the file. Encapsulated, because nowhere else is a body anything but JSON. */
export async function importRoutes(app: ServiceApp, deps: TrackingDeps): Promise<void> {
  await app.register(async (scope: ServiceApp) => {
    scope.addContentTypeParser(Object.keys(FORMATS), (_request, payload, done) => done(null, payload));
    importRoute(scope, deps);
  });
  importStateRoute(app, deps);
}

/** For keys that may send orders and read nothing else. */
function importStateRoute(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'GET',
    url: '/tracking/conversions/imports/:id',
    schema: {
      params: idParams,
      querystring: z.strictObject({ success: queryBoolean().optional(), page, limit }),
      response: { 200: success(jobDetailSchema) },
    },
    config: {
      operationId: 'getImport',
      summary: 'Get an import of your own with its progress and a page of the results of its lines',
      scope: 'conversions:write',
      errors: [errors.JOB_NOT_FOUND],
    },
    handler: async (request, reply) => {
      const { programId, actor } = requestContext(request, deps.clock());
      const { id } = request.params;
      const text = await findImport(deps.db, { programId, ...actor }, { id, ...request.query });
      if (text === undefined) throw new AppError(errors.JOB_NOT_FOUND, `You have no import ${id}`);
      return sendJsonText(reply, successText(text));
    },
  });
}

function importRoute(app: ServiceApp, deps: TrackingDeps): void {
  const schema = postedConversionAt(deps.clock);
  app.route({
    method: 'POST',
    url: '/tracking/conversions/import',
    schema: {
      body: z.unknown().meta({ description: 'A stream of orders, each as the body of recordConversion' }),
      consumes: Object.keys(FORMATS),
      response: { 202: success(jobSchema) },
    },
    config: {
      operationId: 'importConversions',
      summary: 'Import orders from an NDJSON or CSV file of any length as a job, with a result for each line',
      description:
        'A line of NDJSON is the body of recordConversion; CSV has a header that names its fields, and one product a line.',
      scope: 'conversions:write',
      textExamples: EXAMPLES,
      streamsBody: true,
    },
    handler: async (request, reply) => {
      const { body } = request;
      const format = FORMATS[request.mediaType ?? ''];
      if (format === undefined || !(body instanceof Readable)) throw notAFile();
      const { programId, now } = requestContext(request, deps.clock());
      const hash = createHash('sha256');
      const lines = parseUpload({ hashes: deps.hashes, schema, now }, format, hashing(body, hash));
      const stored = await storeUpload(deps.db, programId, lines).catch(asProblem);
      if (stored.lines === 0) throw validationError([{ path: '', message: 'The file holds no orders' }]);
      noteBodyHash(request, hash.digest('hex'));
      const job = await queueImport(deps, requestContext(request, now), stored);
      reply.header('location', `/api/v1/tracking/conversions/imports/${stored.importId}`);
      return sendJsonText(reply.code(202), successText(job));
    },
  });
}

/** A key that was used with another file, or in another form, is told from a repetition by all that was sent. */
async function* hashing(body: AsyncIterable<Buffer>, hash: Hash): AsyncIterable<Buffer> {
  for await (const bytes of body) {
    hash.update(bytes);
    yield bytes;
  }
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
