import {
  AppError,
  commonErrors,
  IDENTITY_HEADER,
  REQUEST_ID_HEADER,
  type ServiceApp,
} from '@tributary/http-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors } from './errors.ts';
import { handOver } from './hand-over.ts';
import type { Authenticate, Authentication } from './identity/authenticate.ts';
import { IDENTITY_SERVICE } from './identity/identity-app.ts';
import { createIdentitySigner } from './identity/identity-signer.ts';
import type { Principal } from './identity/principal.ts';
import { limitOf, strangerLimit, WINDOW_MS, type Limits } from './rate-limits/caller-limits.ts';
import type { Decisions } from './rate-limits/decisions.ts';
import type { LeasedLimiter } from './rate-limits/leased-limiter.ts';
import { limitRates } from './rate-limits/plugin.ts';
import type { Proxy } from './routing/proxy.ts';
import type { RouteTable, ServiceRoute } from './routing/route-table.ts';
import { API_PREFIX, isTrackingLink, servicePath } from './routing/service-document.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What a service has declared for this request's method and path. */
    serviceRoute: ServiceRoute | null;
    /** Who is calling, wherever from. */
    principal: Principal | null;
    /** Credentials were sent that are worth nothing. */
    isRejected: boolean;
  }
}

export interface DoorDeps {
  readonly table: RouteTable;
  readonly authenticate: Authenticate;
  readonly limits: Limits;
  readonly limiter: LeasedLimiter;
  readonly proxy: Proxy;
  readonly identityApp: ServiceApp;
  readonly identitySecret: string;
  readonly clock: () => Date;
  readonly decisions: Decisions;
}

const MAX_USER_AGENT = 500;

/** The `path` label of metrics: the pattern that a service declared, never the address itself. */
export function patternOf(request: FastifyRequest): string {
  if (request.serviceRoute) return request.serviceRoute.pattern;
  const { url } = request.routeOptions;
  return request.is404 || url === undefined || url.endsWith('*') ? 'unmatched' : url;
}

/** What the gateway's log adds to a request: the operation, and which service and release answered or failed to. */
export function upstreamOf({ serviceRoute, target }: FastifyRequest): object {
  return { operation: serviceRoute?.operationId, upstream: target?.service, release: target?.release };
}

/**
 * The plugin behind which everything lies that is not the gateway's own page: find the route, find out who is calling,
 * count, and pass the request on to whoever declared the route.
 */
export async function openDoor(app: FastifyInstance, deps: DoorDeps): Promise<void> {
  const { table, limiter, decisions } = deps;
  const sign = createIdentitySigner(deps);

  function passOn(request: FastifyRequest, reply: FastifyReply, isOverLimit: boolean): void {
    const { service } = admittedRoute(request, table);
    const { principal, identity: caller } = request;
    if (principal === null) throw new Error('A request is passed on before its caller is known');
    const signed = () => sign(principal, caller, service);
    if (service === IDENTITY_SERVICE) askOurselves(deps.identityApp, { request, reply, identity: signed() });
    else deps.proxy(request, reply, { service, sign: signed, isOverLimit });
  }

  app.decorateRequest('serviceRoute', null);
  app.decorateRequest('isRejected', false);
  app.decorateRequest('target', null);
  app.decorateRequest('principal', null);
  // Not async: a promise per request is spared where the caller is known at once, which is nearly always.
  app.addHook('onRequest', (request, _reply, done) => {
    request.serviceRoute = table.find(request.method, request.raw.url ?? '/') ?? null;
    const found = deps.authenticate(request.headers.authorization, request);
    if (found instanceof Promise) {
      void identifyLater(request, found, deps.limits, done);
      return;
    }
    identify(request, found, deps.limits);
    done();
  });
  await limitRates(app, { limiter, decisions });
  // Bodies are not read here: they stream on to the service, whatever they are.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.route({
    // OPTIONS is taken where pages of other origins are allowed for.
    method: app.supportedMethods.filter((method) => !app.hasRoute({ method, url: '/*' })),
    url: '/*',
    handler: (request, reply) => passOn(request, reply, false),
  });
  app.get('/r/*', { config: { rateLimit: false } }, async (request, reply) => {
    passOn(request, reply, await isLinkOverLimit(deps, request));
    return reply;
  });
}

async function identifyLater(
  request: FastifyRequest,
  found: Promise<Authentication>,
  limits: Limits,
  done: (error?: Error) => void,
): Promise<void> {
  try {
    identify(request, await found, limits);
  } catch (error) {
    done(error instanceof Error ? error : new Error('The caller could not be identified', { cause: error }));
    return;
  }
  done();
}

function identify(request: FastifyRequest, found: Authentication, limits: Limits): void {
  const { headers, ip, serviceRoute } = request;
  const userAgent = (headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT);
  request.principal = found.principal;
  request.identity = { ...found.principal, ip, userAgent };
  request.isRejected = found.isRejected;
  request.callerLimit = found.isRejected
    ? strangerLimit(request, limits)
    : limitOf(request.identity, serviceRoute?.rateClass ?? 'caller', limits);
}

/** The service inside this process gets the request as one behind a socket would. */
function askOurselves(
  identityApp: ServiceApp,
  { request, reply, identity }: { request: FastifyRequest; reply: FastifyReply; identity: string },
): void {
  const { raw } = request;
  raw.url = servicePath(raw.url ?? '/');
  raw.headers[IDENTITY_HEADER] = identity;
  raw.headers[REQUEST_ID_HEADER] = request.id;
  handOver(identityApp, request, reply);
}

/** A link redirects whatever the limit; the tracking service is told, and marks the click. */
async function isLinkOverLimit(
  { limiter, decisions }: Pick<DoorDeps, 'limiter' | 'decisions'>,
  { callerLimit }: FastifyRequest,
): Promise<boolean> {
  if (callerLimit === null) return false;
  const placement = await limiter.take(callerLimit.key, callerLimit.max, WINDOW_MS);
  const isOver = placement.position > callerLimit.max;
  decisions.countPlacement(placement);
  decisions.count(callerLimit.limiter, isOver ? 'limited' : 'allowed');
  return isOver;
}

/** The route to pass a request on to; throws what there is to answer when there is none or it is not for everyone. */
function admittedRoute(request: FastifyRequest, table: RouteTable): ServiceRoute {
  const route = request.serviceRoute;
  if (route === null) throw unknownRoute(request, table);
  if (request.isRejected) {
    throw unauthenticated(
      'The credentials are not valid, expired or revoked',
      'Bearer error="invalid_token"',
    );
  }
  if (!route.isPublic && request.identity.kind === 'public') {
    throw unauthenticated('Send an access token or an API key as Authorization: Bearer', 'Bearer');
  }
  return route;
}

function unauthenticated(detail: string, challenge: string): AppError {
  return new AppError(commonErrors.UNAUTHENTICATED, detail, { headers: { 'www-authenticate': challenge } });
}

function unknownRoute(request: FastifyRequest, table: RouteTable): AppError {
  const path = request.url.split('?', 1)[0] ?? '';
  const isOurs = path.startsWith(`${API_PREFIX}/`) || isTrackingLink(path);
  if (isOurs && table.missing.length > 0) {
    return new AppError(errors.SERVICE_STARTING, `${table.missing.join(', ')} did not say its routes yet`, {
      headers: { 'retry-after': '1' },
    });
  }
  return new AppError(commonErrors.ROUTE_NOT_FOUND, `${request.method} ${path} is not part of this API`);
}
