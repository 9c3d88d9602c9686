import { createHash, randomBytes } from 'node:crypto';

import { connect, type Database, DEFAULT_PROGRAM, migrate, SERVICE_ROLE } from '@tributary/schema';
import { SCOPES } from '@tributary/http-kit';
import { uuidv7 } from 'uuidv7';

import type { DrillContext } from '../drill-declaration.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { type RevivableServer, startRevivableServers } from './revivable.ts';
import { type PlatformService, startPlatformService } from './service.ts';

/** Every process behind the gateway. */
export const UPSTREAM_NAMES = [
  'tracking-service',
  'operations-service',
  'analytics-service',
  'webhook-dispatcher',
  'batch-scheduler',
] as const;

export type UpstreamName = (typeof UPSTREAM_NAMES)[number];

/** One of each service; with several of these, each has a gateway of its own. */
export interface Ensemble {
  readonly gateway: PlatformService;
  readonly upstreams: Readonly<Record<UpstreamName, PlatformService>>;
}

/** The whole platform on servers of its own, with partners, a product and a policy, and partners' receivers. */
export interface DrillPlatform {
  readonly context: DrillContext;
  readonly servers: Readonly<Record<'postgres' | 'nats' | 'redis', RevivableServer>>;
  readonly ensembles: readonly [Ensemble, ...Ensemble[]];
  readonly services: readonly PlatformService[];
  readonly owner: Database;
  /** With every scope. */
  readonly apiKey: string;
  readonly referralCodes: readonly string[];
  readonly receiver: Receiver;
  /** What the tools of the platform read from their environment. */
  readonly toolEnvironment: Readonly<Record<string, string>>;
  /** A further process of a service, ready. */
  startBeside(name: UpstreamName, environment: Readonly<Record<string, string>>): Promise<PlatformService>;
  stop(): Promise<void>;
}

export interface DrillPlatformOptions {
  /** How many of each service; one unless said. */
  readonly copies?: number;
  /** Of every service, over what they have by default. */
  readonly environment?: Readonly<Record<string, string>>;
}

const PARTNERS = 10;
export const PRODUCT = 'DRILL-1';

const secret = (): string => randomBytes(32).toString('base64');

interface Ground {
  readonly context: DrillContext;
  readonly environment: Readonly<Record<string, string>>;
}

/** Starts everything; whatever fails on the way, what was started is ended with this process. */
export async function startDrillPlatform(
  context: DrillContext,
  options: DrillPlatformOptions = {},
): Promise<DrillPlatform> {
  const servers = await startRevivableServers(context);
  await migrate(servers.postgres.url);
  const serviceUrl = new URL(servers.postgres.url);
  serviceUrl.username = SERVICE_ROLE;
  const owner = connect({ url: servers.postgres.url, applicationName: 'drill', maxConnections: 2 });
  const environment = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    DATABASE_URL: serviceUrl.href,
    NATS_URL: servers.nats.url,
    REDIS_URL: servers.redis.url,
    IDENTITY_SECRET: secret(),
    JWT_SECRETS: `drill:${secret()}`,
    HASH_PEPPER: secret(),
    WEBHOOK_ENCRYPTION_KEYS: secret(),
    WEBHOOK_ALLOW_LOOPBACK: 'on',
    RATE_LIMIT_API_KEY: '1000000000',
    ...options.environment,
  };
  const ground = { context, environment };
  const receiver = await startReceiver(context.root);
  const first = await startEnsemble(ground, '');
  const others = Array.from({ length: (options.copies ?? 1) - 1 }, (_, index) =>
    startEnsemble(ground, `-${index + 2}`),
  );
  const ensembles: [Ensemble, ...Ensemble[]] = [first, ...(await Promise.all(others))];
  const services = ensembles.flatMap(({ gateway, upstreams }) => [...Object.values(upstreams), gateway]);
  const { apiKey, referralCodes } = await addProgramme(owner, first.gateway.url, receiver.url);
  return {
    context,
    servers,
    ensembles,
    services,
    owner,
    apiKey,
    referralCodes,
    receiver,
    toolEnvironment: {
      GATEWAY_URL: first.gateway.url,
      DATABASE_URL: serviceUrl.href,
      NATS_URL: environment.NATS_URL,
    },
    startBeside: (name, more) =>
      startPlatformService({
        ...context,
        name,
        label: `${name}-beside`,
        environment: { ...environment, ...more },
      }),
    async stop() {
      await Promise.all(services.map((service) => service.stop()));
      await Promise.all([owner.close(), receiver.stop(), servers.redis.stop(), servers.nats.stop()]);
      await servers.postgres.stop();
    },
  };
}

async function startEnsemble({ context, environment }: Ground, suffix: string): Promise<Ensemble> {
  const start = (name: string, more: Readonly<Record<string, string>> = {}): Promise<PlatformService> =>
    startPlatformService({
      ...context,
      name,
      label: `${name}${suffix}`,
      environment: { ...environment, ...more },
    });
  const [tracking, operations, analytics, dispatcher, scheduler] = await Promise.all([
    start('tracking-service'),
    start('operations-service'),
    start('analytics-service'),
    start('webhook-dispatcher'),
    start('batch-scheduler'),
  ]);
  const upstreams = {
    'tracking-service': tracking,
    'operations-service': operations,
    'analytics-service': analytics,
    'webhook-dispatcher': dispatcher,
    'batch-scheduler': scheduler,
  };
  const addresses = UPSTREAM_NAMES.map((name) => `${name}=${upstreams[name].url}`);
  return { upstreams, gateway: await start('gateway', { UPSTREAMS: addresses.join(',') }) };
}

/** Partners with a link and an endpoint each, one product, and a policy without a hold. */
async function addProgramme(
  owner: Database,
  gatewayUrl: string,
  receiverUrl: string,
): Promise<{ apiKey: string; referralCodes: string[] }> {
  const apiKey = `tb_live_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(apiKey).digest('hex');
  await owner.query(
    `INSERT INTO api_keys (id, program_id, name, prefix, key_hash, scopes) VALUES ($1, $2, 'drill', $3, $4, $5)`,
    [uuidv7(), DEFAULT_PROGRAM, apiKey.slice(0, 12), hash, [...SCOPES]],
  );
  const post = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${gatewayUrl}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== 201) throw new Error(`${path} was refused: ${await response.text()}`);
    await response.arrayBuffer();
  };
  await post('/products', { sku: PRODUCT, name: 'Thing', price: 100, currency: 'USD' });
  await post('/policies', { code: 'drill', name: 'No hold', type: 'percentage', rate: 10, holdDays: 0 });
  const referralCodes = Array.from({ length: PARTNERS }, (_, at) => `DRILL${at}`);
  for (const code of referralCodes) {
    const partnerId = uuidv7();
    await owner.query(
      `WITH made AS (
        INSERT INTO partners (id, program_id, name, email) VALUES ($1, $2, $3, $4) RETURNING id
      )
      INSERT INTO referral_codes (id, program_id, code, partner_id, is_default)
      SELECT $5, $2, $3, id, true FROM made`,
      [partnerId, DEFAULT_PROGRAM, code, `${code}@example.com`, uuidv7()],
    );
    await post('/webhooks/endpoints', { partnerId, url: `${receiverUrl}/ok/${code}`, eventTypes: [] });
  }
  return { apiKey, referralCodes };
}
