import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';
import { connect, type Database } from '@tributary/schema';
import { createTestDatabase, testNats, testRedis, type TestScope } from '@tributary/testkit';

import { type Accounts, accountsOf } from '../src/demo/accounts.ts';
import { ensureAccounts } from '../src/demo/ensure-accounts.ts';
import { keepSecrets, type StackSecrets } from '../src/home/secrets.ts';
import { startService } from '../src/processes/service-process.ts';
import type { RunningProcess } from '../src/processes/supervisor.ts';
import {
  GATEWAY,
  type ServerUrls,
  serviceEnvironment,
  type ServiceName,
  SERVICES,
  serviceScript,
  serviceUrls,
} from '../src/services.ts';
import type { StackSettings } from '../src/settings.ts';

const ROOT = join(import.meta.dirname, '../../..');
const READY_WITHIN_MS = 120_000;

/** A service as a process of its own, on an address that stays the same. */
export interface PlatformService {
  readonly url: string;
  readonly pid: number;
  /** kill -9, and gone when this resolves. */
  kill(): Promise<void>;
  /** Ends it if it runs, politely, and starts it again; ready when this resolves. */
  restart(): Promise<void>;
}

/** The whole platform: what a client may know of it, and what a test needs to look behind it. */
export interface Platform extends Accounts {
  readonly gatewayUrl: string;
  /** Whose login `partner` is; its referral code is HARBOUR. */
  readonly partnerId: string;
  readonly services: Readonly<Record<ServiceName, PlatformService>>;
  /** As the services' role, and as the owner. */
  readonly db: Database;
  readonly owner: Database;
  /** Where tools find the platform, as they read it from their environment. */
  readonly toolEnvironment: Readonly<Record<string, string>>;
  /**
   * Starts a second process of a service beside the first, as the candidate of a rollout is started.
   * @param session settings of its sessions in Postgres, by which a trigger knows it
   * @param others where it finds other services, if not where the first does
   */
  startCandidate(
    name: ServiceName,
    session?: Readonly<Record<string, string>>,
    others?: Partial<Record<ServiceName, string>>,
  ): Promise<PlatformService>;
  /** What the services logged as an error or worse, as `service: line`. */
  errors(): Promise<string[]>;
}

export interface PlatformOptions {
  /** Servers of the test's own, which it may kill; else the test run's, with a database and prefixes apart. */
  readonly servers?: ServerUrls & { readonly owner: string };
  /** Settings of every service, e.g. `RATE_LIMIT_PUBLIC`; nothing is limited unless a test asks for it. */
  readonly environment?: Readonly<Record<string, string>>;
}

const UNLIMITED = {
  RATE_LIMIT_PUBLIC: '1000000',
  RATE_LIMIT_ADMIN: '1000000',
  RATE_LIMIT_PARTNER: '1000000',
  RATE_LIMIT_API_KEY: '1000000',
  RATE_LIMIT_LOGIN: '1000',
};

interface Ground {
  readonly servers: ServerUrls;
  readonly db: Database;
  readonly owner: Database;
  readonly environment: Readonly<Record<string, string>>;
}

/** What the services stand on: the run's servers, shared with other tests, or the given ones. */
async function prepareGround(t: TestScope, given: PlatformOptions['servers']): Promise<Ground> {
  if (given !== undefined) {
    const db = connect({ url: given.database, applicationName: 'test' });
    const owner = connect({ url: given.owner, applicationName: 'test-owner', maxConnections: 2 });
    t.teardown(() => Promise.all([db.close(), owner.close()]));
    return { servers: given, db, owner, environment: {} };
  }
  const nats = testNats(t);
  const redis = testRedis(t);
  const { serviceUrl, db, owner } = await createTestDatabase(t);
  return {
    servers: { database: serviceUrl, nats: nats.url, redis: redis.url },
    db,
    owner,
    environment: { NATS_NAMESPACE: nats.namespace, REDIS_PREFIX: redis.prefix },
  };
}

interface Launch {
  readonly settings: StackSettings;
  readonly secrets: StackSecrets;
  readonly servers: ServerUrls;
  readonly urls: Readonly<Record<ServiceName, string>>;
}

async function launchService(t: TestScope, name: ServiceName, launch: Launch): Promise<PlatformService> {
  const { settings, urls } = launch;
  const url = urls[name];
  const start = (): Promise<RunningProcess> =>
    startService(
      {
        name,
        url,
        script: serviceScript(settings.root, name),
        folder: settings.root,
        env: serviceEnvironment(name, launch, urls),
        logFile: join(settings.home, `${name}.log`),
      },
      AbortSignal.timeout(READY_WITHIN_MS),
    );
  let running = await start();
  t.teardown(() => running.stop());
  return {
    url,
    get pid() {
      return running.pid;
    },
    kill: async () => {
      process.kill(running.pid, 'SIGKILL');
      await running.exited;
    },
    restart: async () => {
      await running.stop();
      running = await start();
    },
  };
}

async function candidateLaunch(
  name: ServiceName,
  launch: Launch,
  session: Readonly<Record<string, string>>,
  others: Partial<Record<ServiceName, string>>,
): Promise<Launch> {
  const database = new URL(launch.servers.database);
  for (const [setting, value] of Object.entries(session)) database.searchParams.set(setting, value);
  const url = `http://127.0.0.1:${await freePort()}`;
  const environment = { ...launch.settings.environment, WORKERS: 'off', RELEASE: 'candidate' };
  return {
    ...launch,
    servers: { ...launch.servers, database: database.href },
    settings: { ...launch.settings, environment },
    urls: { ...launch.urls, ...others, [name]: url },
  };
}

async function errorsOf(home: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of SERVICES) {
    const lines = (await readFile(join(home, `${name}.log`), 'utf8')).trim().split('\n');
    const isError = (line: string): boolean => /"level":("?(error|fatal)|[56]0)/.test(line);
    found.push(...lines.filter(isError).map((line) => `${name}: ${line}`));
  }
  return found;
}

function settingsOf(home: string, gatewayPort: number, environment: StackSettings['environment']) {
  return { root: ROOT, home, gatewayPort, gatewayHost: '127.0.0.1', servers: {}, environment };
}

/** Starts all six services as processes, with the accounts of a development stack and no other row. */
export async function startPlatform(t: TestScope, options: PlatformOptions = {}): Promise<Platform> {
  const home = await mkdtemp(join(tmpdir(), 'tributary-platform-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  const { servers, db, owner, environment } = await prepareGround(t, options.servers);
  const secrets = keepSecrets(home);
  const accounts = accountsOf(secrets);
  const partnerId = await ensureAccounts(owner, accounts);
  const ports = Object.fromEntries(
    await Promise.all(SERVICES.map(async (name) => [name, await freePort()] as const)),
  );
  const urls = serviceUrls(ports);
  const settings = settingsOf(home, ports[GATEWAY] ?? 0, {
    PATH: process.env.PATH,
    ...UNLIMITED,
    ...environment,
    ...options.environment,
  });
  const launch = { settings, secrets, servers, urls };
  const start = async (name: ServiceName) => [name, await launchService(t, name, launch)] as const;
  const upstreams = await Promise.all(SERVICES.filter((name) => name !== GATEWAY).map(start));
  const started = [...upstreams, await start(GATEWAY)];
  return {
    ...accounts,
    gatewayUrl: urls.gateway,
    partnerId,
    services: Object.fromEntries(started) as Record<ServiceName, PlatformService>,
    db,
    owner,
    toolEnvironment: {
      ...environment,
      GATEWAY_URL: urls.gateway,
      DATABASE_URL: servers.database,
      NATS_URL: servers.nats,
    },
    startCandidate: async (name, session = {}, others = {}) =>
      launchService(t, name, await candidateLaunch(name, launch, session, others)),
    errors: () => errorsOf(home),
  };
}
