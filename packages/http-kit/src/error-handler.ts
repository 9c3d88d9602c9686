import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { constraintName, sqlState } from '@tributary/schema';
import { AppError, commonErrors, validationError } from './errors.ts';
import type { ErrorSpec } from './errors.ts';
import { PROBLEM_CONTENT_TYPE, toProblem } from './problem.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';
import { databaseProblem } from './sql-errors.ts';
import { RequestInvalidError, allFieldErrors } from './validation.ts';

/** Looks whether a failed request was in truth the repetition of one that succeeded; true when it has answered. */
export type RecoverFromFailure = (
  error: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<AppError | 'answered'>;

/** Problem documents for everything that goes wrong, unknown routes included. */
export function answerProblems(app: FastifyInstance, recover?: RecoverFromFailure): void {
  app.decorateRequest('problemCode', null);
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = toAppError(thrown, request);
    const outcome =
      recover === undefined
        ? error
        : await recover(error, request, reply).catch((failure) => toAppError(failure, request));
    return outcome === 'answered' ? reply : sendProblem(outcome, request, reply);
  });
  app.setNotFoundHandler((request) => {
    throw new AppError(
      commonErrors.ROUTE_NOT_FOUND,
      `${request.method} ${pathOf(request.url)} is not part of this API`,
    );
  });
}

/** The path without the query, which may hold what nobody should repeat. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/** Answers one problem document and logs what a 5xx hides. */
export function sendProblem(error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { spec, extra } = error;
  request.problemCode = spec.code;
  if (spec.status >= 500) request.log.error({ err: extra.cause ?? error, code: spec.code }, 'request failed');
  else if (sqlState(extra.cause) !== undefined) logRefusal(error, request);
  return reply
    .code(spec.status)
    .header(REQUEST_ID_HEADER, request.id)
    .headers(extra.headers ?? {})
    .type(PROBLEM_CONTENT_TYPE)
    .send(JSON.stringify(toProblem(error, request.id)));
}

/** A value that only the database refused is one that a schema or a rule of ours let through. */
function logRefusal({ spec, extra }: AppError, request: FastifyRequest): void {
  const refusal = { state: sqlState(extra.cause), constraint: constraintName(extra.cause), code: spec.code };
  request.log.info(refusal, 'refused by the database');
}

export function toAppError(thrown: unknown, request: FastifyRequest): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof RequestInvalidError) return validationError(allFieldErrors(thrown, request));
  return databaseProblem(thrown) ?? frameworkProblem(thrown);
}

const byFastifyCode: Readonly<Record<string, readonly [ErrorSpec, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [commonErrors.BODY_TOO_LARGE, 'The body is larger than this route accepts'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [commonErrors.UNSUPPORTED_MEDIA_TYPE, 'Send application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    commonErrors.VALIDATION_ERROR,
    'The body is not as long as content-length says',
  ],
  FST_ERR_BAD_URL: [commonErrors.VALIDATION_ERROR, 'The path is not a valid address'],
  FST_ERR_MAX_PARAM_LENGTH: [commonErrors.URI_TOO_LONG, 'A part of the path is too long'],
};

const specByStatus = new Map<number, ErrorSpec>([
  [401, commonErrors.UNAUTHENTICATED],
  [403, commonErrors.FORBIDDEN],
  [404, commonErrors.ROUTE_NOT_FOUND],
  [413, commonErrors.BODY_TOO_LARGE],
  [414, commonErrors.URI_TOO_LONG],
  [415, commonErrors.UNSUPPORTED_MEDIA_TYPE],
  [429, commonErrors.RATE_LIMITED],
  [431, commonErrors.HEADERS_TOO_LARGE],
  [503, commonErrors.SERVICE_UNAVAILABLE],
]);

function frameworkProblem(thrown: unknown): AppError {
  const { code = '', statusCode = 500 } = isFastifyError(thrown) ? thrown : {};
  const known = byFastifyCode[code];
  if (known !== undefined) return new AppError(known[0], known[1], { cause: thrown });
  const isClientFault = statusCode >= 400 && statusCode < 500;
  const fallback = isClientFault ? commonErrors.VALIDATION_ERROR : commonErrors.INTERNAL_ERROR;
  const spec = specByStatus.get(statusCode) ?? fallback;
  return new AppError(spec, thrown instanceof Error ? thrown.message : spec.title, { cause: thrown });
}

function isFastifyError(thrown: unknown): thrown is Partial<FastifyError> {
  return thrown instanceof Error;
}
