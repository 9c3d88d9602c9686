import { exampleEvent } from '@tributary/event-catalog';
import type { EventEnvelope, EventType, StoredEvent } from '@tributary/event-catalog';
import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import type { Identity, Scope, ServiceApp } from '@tributary/http-kit';
import { connectMessaging } from '@tributary/messaging';
import type { Messaging } from '@tributary/messaging';
import { createHealth, createLogger, createMetrics, newId, systemClock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { createTestDatabase, testNats, waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import { buildApp, SERVICE } from '../src/app.ts';
import { DEFAULT_BREAKER } from '../src/deliveries/endpoint-health.ts';
import type { BreakerSettings } from '../src/deliveries/endpoint-health.ts';
import { createOutboundDispatcher } from '../src/deliveries/outbound-dispatcher.ts';
import { createSecretBox } from '../src/encryption/secret-box.ts';
import { webhookMetrics } from '../src/metrics.ts';
import { createSigningKeys } from '../src/signing/signing-keys.ts';
import type { Resolve } from '../src/ssrf/resolve-name.ts';
import { startWorkers } from '../src/workers.ts';
import type { Workers } from '../src/workers.ts';

export const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');
const IDENTITY_KEY = deriveIdentityKey('a secret of the tests, long enough', SERVICE);

export const logger = createLogger({ service: SERVICE, level: 'silent' });

export interface HarnessOptions {
  readonly allowLoopback?: boolean;
  readonly resolve?: Resolve;
  readonly deadlineMs?: number;
  readonly ratePerPartner?: number;
  readonly breaker?: Partial<BreakerSettings>;
  /** The one that seals first. */
  readonly encryptionKeys?: readonly [string, ...string[]];
}

export interface Dispatcher {
  readonly app: ServiceApp;
  readonly published: StoredEvent[];
  /** The exposition text. */
  metricsText(): Promise<string>;
  /** Starts fan-out and deliveries; stopped with the test. */
  work(messaging: Messaging): Promise<Workers>;
  /** A request as the gateway would send it. */
  call(caller: Caller, method: Method, url: string, body?: object): Promise<Answer>;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface Answer {
  readonly status: number;
  // The tests look into answers of many shapes, and fail where a field is not what they expect.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
  readonly headers: Record<string, unknown>;
}

export interface Caller {
  /** Of the API key; a new one each time by default. */
  readonly id?: string;
  readonly partnerId?: string;
  readonly scopes?: readonly Scope[];
  readonly headers?: Record<string, string>;
}

export const admin: Caller = {};

/** One dispatcher on a database: the app, and workers when asked for. */
export async function createDispatcher(
  t: TestScope,
  db: Database,
  options: HarnessOptions = {},
): Promise<Dispatcher> {
  const { allowLoopback = true, resolve, deadlineMs = 5_000, ratePerPartner = 1_000 } = options;
  const metrics = createMetrics({ service: SERVICE });
  const secretBox = createSecretBox(options.encryptionKeys ?? [ENCRYPTION_KEY]);
  const policy = { allowLoopback };
  const published: StoredEvent[] = [];
  let workers: Workers | undefined;
  const shared = {
    db,
    logger,
    clock: systemClock,
    publish: (events: readonly StoredEvent[]) => void published.push(...events),
    secretBox,
    signingKeys: createSigningKeys(secretBox),
    dispatcher: createOutboundDispatcher({
      policy,
      deadlineMs,
      ...(resolve === undefined ? {} : { resolve }),
    }),
    deadlineMs,
  };
  const app = await buildApp({
    ...shared,
    metrics,
    health: createHealth({ checks: { postgres: { check: () => db.ping(), required: true } } }),
    identityKey: IDENTITY_KEY,
    addressPolicy: policy,
    reportingTimeZone: 'UTC',
    wake: () => workers?.wake(),
  });
  t.teardown(async () => {
    await workers?.stop();
    await app.close();
    await shared.dispatcher.destroy();
  });
  return {
    app,
    published,
    metricsText: () => metrics.expose(),
    async work(messaging) {
      workers = await startWorkers({
        ...shared,
        messaging,
        metrics: webhookMetrics(metrics),
        limits: { inFlightPerPartner: 10, inFlightTotal: 256, ratePerPartner },
        breaker: { ...DEFAULT_BREAKER, ...options.breaker },
      });
      return workers;
    },
    async call(caller, method, url, body) {
      const answer = await app.inject({
        method,
        url,
        headers: { ...identityHeaders(caller), ...caller.headers },
        ...(body === undefined ? {} : { payload: body }),
      });
      return {
        status: answer.statusCode,
        body: answer.body === '' ? undefined : JSON.parse(answer.body),
        headers: answer.headers,
      };
    },
  };
}

function identityHeaders({
  id = newId(),
  partnerId,
  scopes = ['webhooks:read', 'webhooks:write'],
}: Caller): Record<string, string> {
  const identity: Identity = {
    kind: 'api_key',
    id,
    name: 'tests',
    scopes: [...scopes],
    programId: 'default',
    ip: '192.0.2.1',
    userAgent: 'tests',
    ...(partnerId === undefined ? {} : { partnerId }),
  };
  return { [IDENTITY_HEADER]: signIdentity(identity, { service: SERVICE, key: IDENTITY_KEY }) };
}

/** A database, NATS and a dispatcher that works on both. */
export async function createPlatform(t: TestScope, options: HarnessOptions = {}) {
  const { db, serviceUrl } = await createTestDatabase(t);
  const nats = testNats(t);
  const messaging = connectMessaging({
    ...nats,
    name: 'webhook-tests',
    logger,
    metrics: createMetrics({ service: 'tests' }),
  });
  t.teardown(() => messaging.close());
  const dispatcher = await createDispatcher(t, db, options);
  return { db, serviceUrl, nats, messaging, dispatcher };
}

export async function insertPartner(db: Database): Promise<string> {
  const id = newId();
  await db.query(`INSERT INTO partners (id, name, email) VALUES ($1::uuid, 'Partner', $2)`, [
    id,
    `${id}@example.com`,
  ]);
  return id;
}

/** Registers an endpoint through the API. */
export async function createEndpoint(
  dispatcher: Dispatcher,
  body: { partnerId: string; url: string } & Record<string, unknown>,
): Promise<{ id: string; secret: string }> {
  const answer = await dispatcher.call(admin, 'POST', '/webhooks/endpoints', body);
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body.data;
}

/** The catalogue's example of a type, as something that happened to this partner just now. */
export function eventFor(partnerId: string, type: EventType = 'commission.adjusted'): EventEnvelope {
  const example = exampleEvent(type) as EventEnvelope<'commission.adjusted'>;
  return {
    ...example,
    id: newId(),
    occurredAt: new Date().toISOString(),
    actor: { kind: 'user', id: newId(), name: 'Ada Admin' },
    subject: { ...example.subject, partnerId },
    data: { ...example.data, partnerId },
  };
}

/** Puts an event on its stream; past the server's duplicate window, so that doing it again is a redelivery. */
export async function publishEvent(messaging: Messaging, event: EventEnvelope): Promise<void> {
  const connection = await waitFor(() => messaging.live);
  await connection.jetstream().publish(messaging.names.subject(event.type), JSON.stringify(event));
}
