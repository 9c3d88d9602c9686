import cors from '@fastify/cors';
import type { EventEnvelope, StoredEvent } from '@tributary/event-catalog';
import { buildHttpApp, type ServiceApp } from '@tributary/http-kit';
import type { Health, Logger, Metrics } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import type { FastifyInstance } from 'fastify';
import { serveDocuments } from './documents/routes.ts';
import { openDoor, patternOf, upstreamOf } from './door.ts';
import { createAccessTokens, type AccessTokens, type SigningKey } from './identity/access-tokens.ts';
import { createApiKeyCache } from './identity/api-key-cache.ts';
import { createAuthenticator } from './identity/authenticate.ts';
import { createExternalIdentities, type ExternalIssuer } from './identity/external-identities.ts';
import { buildIdentityApp, documentOf, IDENTITY_SERVICE } from './identity/identity-app.ts';
import { createUserTokenCache, type UserTokenCache } from './identity/user-token-cache.ts';
import { serveMetrics } from './metrics-route.ts';
import { strangerLimit, type Limits, type Sender } from './rate-limits/caller-limits.ts';
import { countDecisions, type Decisions } from './rate-limits/decisions.ts';
import { createLeasedLimiter, type LeasedLimiter } from './rate-limits/leased-limiter.ts';
import { createLoginLimiter } from './rate-limits/login-limiter.ts';
import type { SharedCounter } from './rate-limits/redis-counter.ts';
import { discoverRoutes, type RouteDiscovery } from './routing/discovery.ts';
import { createProxy, type Proxy } from './routing/proxy.ts';
import { createRouteTable, type RouteTable } from './routing/route-table.ts';
import { createUpstreamMetrics } from './routing/upstream-metrics.ts';
import { createUpstreams, type Upstreams, type UpstreamSettings } from './routing/upstreams.ts';
import { watchWeights, type WeightWatcher } from './routing/weights.ts';

/** Time to send a request's head: whoever needs longer holds a socket and means no good. */
const HEADERS_TIMEOUT_MS = 10_000;

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
} as const;

export interface GatewaySettings {
  /** Where the stable release of each service listens. */
  readonly upstreams: Readonly<Record<string, string>>;
  readonly identitySecret: string;
  readonly jwtKeys: readonly SigningKey[];
  readonly accessTokenSeconds: number;
  readonly refreshTokenDays: number;
  readonly limits: Limits;
  /** Failed logins per account and address. */
  readonly loginLimit: number;
  readonly upstream: UpstreamSettings;
  /** How long a request waits for a service that refuses connections. */
  readonly patienceMs: number;
  readonly maxInFlight: number;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly metricsToken: string | undefined;
  /** Whose tokens are accepted beside our own. */
  readonly externalIssuer?: ExternalIssuer | undefined;
}

export interface GatewayDeps {
  readonly db: Pick<Database, 'query'>;
  readonly counter: SharedCounter;
  readonly publish: (events: readonly StoredEvent[]) => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: () => Date;
  /** Uniform in [0, 1): chooses between releases. */
  readonly random: () => number;
  readonly settings: GatewaySettings;
}

export interface Gateway {
  readonly app: ServiceApp;
  readonly weights: WeightWatcher;
  readonly discovery: RouteDiscovery;
  readonly table: RouteTable;
  /** A key was revoked or a service's weights changed. */
  onEvent(event: EventEnvelope<'apikey.revoked' | 'routing.changed'>): Promise<void>;
  /** Messages may have been missed: what is remembered is forgotten or read anew. */
  onReset(): Promise<void>;
  /** Ends timers and the connections to the services; after `app.close()`. */
  close(): Promise<void>;
}

/** Builds the gateway from what it depends on. It does not listen yet, but already learns routes and weights. */
export async function buildGateway(deps: GatewayDeps): Promise<Gateway> {
  const { settings, db, clock, logger } = deps;
  const upstreams = openUpstreams(deps);
  const tokens = createAccessTokens({
    keys: settings.jwtKeys,
    lifetimeSeconds: settings.accessTokenSeconds,
    clock,
  });
  const { limits, identitySecret } = settings;
  const limiter = createLeasedLimiter({ counter: deps.counter, clock, onFailure: warnOfRedis(logger) });
  const apiKeys = createApiKeyCache({ db, clock, logger, isSpent: spentSenders(limiter, limits) });
  const decisions = countDecisions(deps.metrics);
  const identityApp = await buildIdentity(deps, tokens, decisions);
  const table = createRouteTable(upstreams.services);
  table.replace(IDENTITY_SERVICE, await documentOf(identityApp));
  const app = await buildApp(deps, table);
  await app.register(openDoor, {
    table,
    proxy: openProxy(deps, upstreams),
    limiter,
    limits,
    identityApp,
    identitySecret,
    clock,
    authenticate: createAuthenticator({ userTokens: rememberUsers(deps, tokens), apiKeys }),
    decisions,
  });

  const discovery = discoverRoutes({ upstreams, table, logger });
  const weights = watchWeights({ db, upstreams, logger });
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    discovery.stop();
    weights.stop();
    apiKeys.stop();
    await apiKeys.noteUses();
    await identityApp.close();
    await upstreams.close();
  }

  return {
    app,
    weights,
    discovery,
    table,
    async onEvent({ subject: { apiKeyId } }) {
      if (apiKeyId === undefined) await weights.reread('message');
      else apiKeys.revoke(apiKeyId);
    },
    async onReset() {
      apiKeys.forget();
      await weights.reread('missed');
    },
    close: () => (closing ??= close()),
  };
}

function rememberUsers({ settings, db, clock, logger }: GatewayDeps, tokens: AccessTokens): UserTokenCache {
  const { externalIssuer: issuer } = settings;
  const external = issuer && createExternalIdentities({ issuer, db, clock, logger });
  return createUserTokenCache({ tokens, external, clock });
}

function openUpstreams({ settings, clock, random }: GatewayDeps): Upstreams {
  const stable = new Map(Object.entries(settings.upstreams));
  return createUpstreams({ stable, settings: settings.upstream, clock, random });
}

function openProxy({ settings, metrics, clock }: GatewayDeps, upstreams: Upstreams): Proxy {
  const { patienceMs, maxInFlight } = settings;
  return createProxy({ upstreams, metrics: createUpstreamMetrics(metrics), clock, patienceMs, maxInFlight });
}

function spentSenders(limiter: LeasedLimiter, limits: Limits) {
  return (sender: Sender): boolean => {
    const { key, max } = strangerLimit(sender, limits);
    return limiter.isSpent(key, max);
  };
}

function warnOfRedis(logger: Logger) {
  return (err: unknown) => logger.warn({ err }, 'rate limits: Redis did not answer');
}

function buildIdentity(
  { db, clock, logger, publish, counter, settings }: GatewayDeps,
  tokens: ReturnType<typeof createAccessTokens>,
  decisions: Decisions,
): Promise<ServiceApp> {
  const { identitySecret, refreshTokenDays, loginLimit } = settings;
  const limiter = createLoginLimiter({
    counter,
    decisions,
    limit: loginLimit,
    onFailure: warnOfRedis(logger),
  });
  return buildIdentityApp({ db, clock, logger, publish, tokens, limiter, identitySecret, refreshTokenDays });
}

/** The app without the door: what answers by itself. */
async function buildApp(deps: GatewayDeps, table: RouteTable): Promise<ServiceApp> {
  const { settings, logger, metrics, health } = deps;
  const app = buildHttpApp({
    service: IDENTITY_SERVICE,
    logger,
    metrics,
    health,
    routeLabel: patternOf,
    logMembers: upstreamOf,
    isStream: ({ serviceRoute }) => serviceRoute?.streamsBody === true,
    trustProxy: settings.trustedProxies.length > 0 ? [...settings.trustedProxies] : false,
  });
  app.server.headersTimeout = HEADERS_TIMEOUT_MS;
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
  if (settings.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: [...settings.corsOrigins],
      methods: ['GET', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: [
        'etag',
        'retry-after',
        'x-request-id',
        'x-ratelimit-remaining',
        'idempotency-replayed',
      ],
      maxAge: 3_600,
    });
  }
  const plain = app as unknown as FastifyInstance;
  serveDocuments(plain, table);
  serveMetrics(plain, metrics, settings.metricsToken);
  return app;
}
