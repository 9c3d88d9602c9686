import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { LogController } from 'fastify';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  FastifyServerOptions,
  RawServerDefault,
} from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Health, Logger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { authorize } from './authorization.ts';
import { checkDeclarations } from './declarations.ts';
import { answerProblems, sendProblem, toAppError } from './error-handler.ts';
import type { RecoverFromFailure } from './error-handler.ts';
import { AppError, commonErrors } from './errors.ts';
import type { ErrorCatalogue } from './errors.ts';
import { DRAINING_HEADERS, serveHealth } from './health-routes.ts';
import { createIdentityVerifier } from './identity.ts';
import type { Identity, IdentityKey } from './identity.ts';
import { deriveBodyKey, recoverByReplay, replayOrNote } from './idempotency.ts';
import { acceptJsonBodies, assertSafeAddress } from './json-body.ts';
import { observeRequests } from './observation.ts';
import type { ObservationOptions } from './observation.ts';
import { publishOpenApi } from './openapi.ts';
import { PROBLEM_CONTENT_TYPE, toProblem } from './problem.ts';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts';
import './route-config.ts';
import { limitBodies } from './slow-bodies.ts';
import { traceRequests } from './tracing.ts';
import { validatorCompiler } from './validation.ts';

/** Less than the 10 s that a shutdown gives to requests under way. */
const CLOSE_PATIENCE_MS = 8_000;

/** A Fastify app whose routes take and answer zod schemas. */
export type ServiceApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface HttpAppOptions extends ObservationOptions {
  readonly service: string;
  readonly logger: Logger;
  readonly health: Health;
  /** Bytes; 1 MiB by default. Routes may set their own. */
  readonly bodyLimit?: number;
  /** For receiving a whole body; 60 s by default, so that a dripping client does not hold a connection. */
  readonly requestTimeoutMs?: number;
  /** How long a body of any size may stand still, where a route takes one (`streamsBody`); 60 s by default. */
  readonly standstillMs?: number;
  /** Which requests have such a body; by default what their route declares. */
  readonly isStream?: (request: FastifyRequest) => boolean;
  readonly trustProxy?: FastifyServerOptions['trustProxy'];
}

export interface ServiceAppOptions extends HttpAppOptions {
  /** From `deriveIdentityKey(IDENTITY_SECRET, service)`. */
  readonly identityKey: IdentityKey;
  /** The service's catalogue, for the OpenAPI document. */
  readonly errors?: ErrorCatalogue;
  /** Where idempotent answers are kept; without it `Idempotency-Key` is ignored. */
  readonly db?: Pick<Database, 'query'>;
}

/**
 * What every HTTP process shares: zod, problem documents, request ids, access log, metrics, `/health/live`,
 * `/health/ready` and `/metrics`. The gateway builds on this; services on `buildServiceApp`.
 */
export function buildHttpApp(options: HttpAppOptions, recover?: RecoverFromFailure): ServiceApp {
  const logger: FastifyBaseLogger = options.logger;
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    bodyLimit: options.bodyLimit ?? 1_048_576,
    trustProxy: options.trustProxy ?? false,
    // Node looks for requests over their time limits only so often; the limits are of 10 s and more.
    http: { connectionsCheckingInterval: 2_000 },
    exposeHeadRoutes: false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      void sendProblem(toAppError(error, request), request, reply);
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    if (options.health.isDraining) reply.headers(DRAINING_HEADERS);
    done();
  });
  const plain = app as unknown as FastifyInstance;
  // Declared up front, so that every request object has one shape.
  plain.decorateRequest('identity', null as unknown as Identity);
  plain.decorateRequest('idempotency', null);
  limitBodies(plain, {
    wholeMs: options.requestTimeoutMs ?? 60_000,
    standstillMs: options.standstillMs ?? 60_000,
    isStream: options.isStream ?? (({ routeOptions }) => routeOptions.config.streamsBody === true),
  });
  cutOffStragglers(plain);
  acceptJsonBodies(plain);
  answerProblems(plain, recover);
  observeRequests(plain, options);
  traceRequests(plain, options);
  serveHealth(plain, options);
  return app;
}

/**
 * The app of a service behind the gateway. Add routes with `app.route({ schema, config, handler })`; see
 * `RouteDeclaration` for what `config` has to say.
 */
export async function buildServiceApp(options: ServiceAppOptions): Promise<ServiceApp> {
  const { service, identityKey, db, errors = {} } = options;
  const verify = createIdentityVerifier({ service, key: identityKey });
  const app = buildHttpApp(options, db === undefined ? undefined : recoverByReplay(db));
  app.addHook('onRequest', (request, _reply, done) => {
    authorize(request, verify);
    assertSafeAddress(request);
    done();
  });
  if (db !== undefined) {
    const idempotencyDeps = { db, bodyKey: deriveBodyKey(identityKey) };
    app.addHook('preHandler', async (request, reply) => {
      if (await replayOrNote(idempotencyDeps, request, reply)) return reply;
      return undefined;
    });
  }
  const plain = app as unknown as FastifyInstance;
  checkDeclarations(plain);
  await publishOpenApi(plain, { service, errors });
  return app;
}

/**
 * Closing waits for requests under way, but a client that drips its headers or never reads must not decide when a
 * process ends.
 */
function cutOffStragglers(app: FastifyInstance): void {
  app.addHook('preClose', (done) => {
    setTimeout(() => app.server.closeAllConnections(), CLOSE_PATIENCE_MS).unref();
    done();
  });
}

/** What the HTTP parser refuses never becomes a request; it still gets a problem document. */
function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const spec = isTooLarge ? commonErrors.HEADERS_TOO_LARGE : commonErrors.VALIDATION_ERROR;
  const body = JSON.stringify(toProblem(new AppError(spec, 'The request is not valid HTTP'), 'none'));
  const head = `HTTP/1.1 ${spec.status} ${isTooLarge ? 'Request Header Fields Too Large' : 'Bad Request'}`;
  socket.end(
    `${head}\r\nconnection: close\r\ncontent-type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
