import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createHealth,
  createLogger,
  createMetrics,
  newId,
  systemClock,
  type Logger,
  type Metrics,
} from '@tributary/runtime';
import type { StoredEvent } from '@tributary/event-catalog';
import type { UserRole } from '@tributary/schema';
import {
  createTestDatabase,
  freePort,
  testRedis,
  waitFor,
  type TestDatabase,
  type TestScope,
} from '@tributary/testkit';
import type { Redis } from 'ioredis';
import { buildGateway, type Gateway, type GatewaySettings } from '../src/app.ts';
import { createAccessTokens } from '../src/identity/access-tokens.ts';
import { hashPassword } from '../src/identity/passwords.ts';
import { connectRedis } from '../src/rate-limits/connect-redis.ts';
import { createRedisCounter } from '../src/rate-limits/redis-counter.ts';

export const IDENTITY_SECRET = 'identity-secret-of-the-tests-0123456789';
export const JWT_KEYS = [{ kid: 'k1', secret: 'signing-secret-of-the-tests-0123456789' }];
export const PASSWORD = 'correct horse battery';

/** Starts an HTTP server on a free port; it goes with the scope. */
export async function listen(
  t: TestScope,
  handler: RequestListener,
  port = 0,
): Promise<{ server: Server; url: string }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.teardown(() => stopServer(server));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

export async function stopServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

const operation = (operationId: string, scope: string, more: object = {}) => ({
  operationId,
  summary: operationId,
  'x-required-scope': scope,
  'x-rate-class': scope === 'public' ? 'public' : 'caller',
  responses: { 200: { description: 'It worked' } },
  ...more,
});

const KEYED = { parameters: [{ in: 'header', name: 'Idempotency-Key', schema: { type: 'string' } }] };

/** What the test service declares: an open route, closed ones and a tracking link. */
export const ECHO_DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'echo-service', version: '1' },
  paths: {
    '/echo': {
      get: operation('echo', 'operations:read'),
      post: operation('postEcho', 'operations:write', KEYED),
    },
    '/echo/{id}': { get: operation('echoOne', 'operations:read') },
    '/open': { get: operation('open', 'public'), post: operation('postOpen', 'public') },
    '/r/{referralCode}': { get: operation('followLink', 'public', { 'x-rate-class': 'none' }) },
  },
  components: { schemas: { Problem: { type: 'object', description: 'of the echo service' } } },
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers `/internal/openapi.json` and gives everything else to `handler`. */
export function asService(handler: Handler, document: object = ECHO_DOCUMENT): RequestListener {
  return (request, response) => {
    if (request.url !== '/internal/openapi.json') {
      handler(request, response);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  };
}

/** Answers what it was asked, as JSON. */
export const echo = (request: IncomingMessage, response: ServerResponse): void => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers } = request;
    const body = Buffer.concat(chunks).toString();
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ method, url, headers, body }));
  });
};

export interface GatewayUnderTest {
  readonly url: string;
  readonly gateway: Gateway;
  readonly database: TestDatabase;
  readonly redis: Redis;
  readonly metrics: Metrics;
  readonly published: StoredEvent[];
}

export interface TestSettings extends Partial<GatewaySettings> {
  readonly clock?: () => Date;
  readonly random?: () => number;
  readonly redisUrl?: string;
  /** Share counters with another gateway. */
  readonly redisPrefix?: string;
  readonly database?: TestDatabase;
  /** Silent unless a test reads it. */
  readonly logger?: Logger;
  /** False to test what happens before the routes are known. */
  readonly awaitRoutes?: boolean;
}

/** A gateway on a free port in front of `upstreams`, with a database and Redis keys of its own. */
export async function startGateway(t: TestScope, options: TestSettings): Promise<GatewayUnderTest> {
  const {
    clock = systemClock,
    random = Math.random,
    redisUrl,
    redisPrefix,
    database,
    awaitRoutes,
    logger = createLogger({ service: 'gateway', level: 'silent' }),
    ...settings
  } = options;
  const db = database ?? (await createTestDatabase(t));
  const ownRedis = redisUrl === undefined ? testRedis(t) : { url: redisUrl, prefix: 'test:' };
  const redis = connectRedis(ownRedis.url, () => undefined);
  const metrics = createMetrics({ service: 'gateway' });
  const published: StoredEvent[] = [];
  const gateway = await buildGateway({
    db: db.db,
    // Of a Redis that many tests share nobody wants to know how fast it is; those of their own are frozen and killed.
    counter: createRedisCounter(
      redis,
      redisPrefix ?? ownRedis.prefix,
      redisUrl === undefined ? PATIENCE_MS : undefined,
    ),
    publish: (events) => published.push(...events),
    logger,
    metrics,
    health: createHealth({ checks: { postgres: { check: () => db.db.ping(), required: true } } }),
    clock,
    random,
    settings: { ...DEFAULTS, ...settings },
  });
  const url = await gateway.app.listen({ port: 0, host: '127.0.0.1' });
  t.teardown(async () => {
    await gateway.app.close();
    await gateway.close();
    redis.disconnect();
  });
  await waitFor(() => redis.status === 'ready', { what: 'Redis' });
  if (awaitRoutes !== false) await waitFor(() => gateway.table.missing.length === 0, { what: 'routes' });
  return { url, gateway, database: db, redis, metrics, published };
}

const PATIENCE_MS = 5_000;

const DEFAULTS: GatewaySettings = {
  upstreams: {},
  identitySecret: IDENTITY_SECRET,
  jwtKeys: JWT_KEYS,
  accessTokenSeconds: 900,
  refreshTokenDays: 30,
  limits: { public: 100_000, admin: 100_000, partner: 100_000, apiKey: 100_000 },
  loginLimit: 5,
  upstream: { connections: 16, connectTimeoutMs: 1_000, headersTimeoutMs: 5_000, bodyTimeoutMs: 5_000 },
  patienceMs: 0,
  maxInFlight: 100,
  corsOrigins: [],
  trustedProxies: [],
  metricsToken: undefined,
};

/** A gateway before one service that answers with `handler`, on a port to which another may come back after it. */
export async function before(t: TestScope, handler: Handler, settings: TestSettings = {}) {
  const upstream = await listen(t, asService(handler), await freePort());
  const gateway = await startGateway(t, { upstreams: { 'echo-service': upstream.url }, ...settings });
  return { ...gateway, upstream };
}

/** Of an administrator that no table knows. */
export function accessToken(): string {
  const tokens = createAccessTokens({ keys: JWT_KEYS, lifetimeSeconds: 60, clock: () => new Date() });
  return tokens.issue({
    userId: 'u',
    name: 'n',
    role: 'admin',
    partnerId: null,
    programId: 'default',
    sessionId: 's',
  });
}

/** Writes a user whose password is `PASSWORD`; answers its id. */
export async function insertUser(
  { owner }: TestDatabase,
  user: { email: string; role?: UserRole; partnerId?: string; status?: 'active' | 'disabled' },
): Promise<string> {
  const id = newId();
  await owner.query(
    `INSERT INTO users (id, email, name, role, partner_id, password_hash, status) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      id,
      user.email,
      `Name of ${user.email}`,
      user.role ?? 'super_admin',
      user.partnerId ?? null,
      await hashPassword(PASSWORD),
      user.status ?? 'active',
    ],
  );
  return id;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The shape differs from route to route; assertions look at what they know.
  readonly body: Record<string, unknown> & { data?: unknown };
}

/** Sends JSON and reads JSON. */
export async function call(
  { url }: { readonly url: string },
  path: string,
  options: { method?: string; token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { method = options.body === undefined ? 'GET' : 'POST', token, body } = options;
  const headers: Record<string, string> = { ...options.headers };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] ??= 'application/json';
  const response = await fetch(url + path, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const parsed: unknown = text === '' ? {} : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: parsed as Answer['body'] };
}

export interface GrantData {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly user: { readonly id: string; readonly email: string; readonly role: string };
}

/** Logs in with `PASSWORD`. */
export async function logIn(target: { readonly url: string }, email: string): Promise<GrantData> {
  const answer = await call(target, '/api/v1/auth/login', { body: { email, password: PASSWORD } });
  if (answer.status !== 200) throw new Error(`Logging in answered ${answer.status}`);
  return answer.body.data as GrantData;
}
