import { join } from 'node:path';

import type { ServerBinaries } from '@tributary/local-servers';

import { makeFolder } from './home/files.ts';
import { rememberPorts } from './home/ports.ts';
import type { StackSecrets } from './home/secrets.ts';
import { removeStackFile, type StackFile, writeStackFile } from './home/stack-file.ts';
import { messageOf, StackFailure } from './failure.ts';
import { startService } from './processes/service-process.ts';
import { supervise, type SupervisedProcess } from './processes/supervisor.ts';
import {
  bringBinaries,
  privateServers,
  requireGivenServers,
  type ServerName,
  startServer,
} from './servers.ts';
import {
  asServiceRole,
  GATEWAY,
  type ServerUrls,
  SERVICES,
  serviceEnvironment,
  type ServiceName,
  serviceScript,
  serviceUrls,
} from './services.ts';
import type { StackSettings } from './settings.ts';

/** Where data is put: the database as its owner and as the services' role, and NATS for the events. */
export interface SeededStack {
  readonly ownerUrl: string;
  readonly serviceUrl: string;
  readonly natsUrl: string;
}

/** What is done once the servers are there, and once everything is ready. Given by whoever starts the stack. */
export interface StackHooks {
  readonly migrate: (ownerUrl: string) => Promise<void>;
  readonly seed: (stack: SeededStack) => Promise<void>;
  readonly awaitSeeded: (stack: SeededStack) => Promise<void>;
  readonly accounts: Pick<StackFile, 'admin' | 'partner' | 'apiKey'>;
}

export interface StackOptions {
  readonly settings: StackSettings;
  readonly secrets: StackSecrets;
  readonly hooks: StackHooks;
  readonly log: (line: string) => void;
  /** Aborts a start that is under way. */
  readonly signal: AbortSignal;
}

/** A platform that is up and supervised. */
export interface RunningStack {
  readonly file: StackFile;
  /** Ends the services, then the servers. */
  stop(): Promise<void>;
}

/** A cold start on a slow disk; a service itself is ready within 2 s. */
const READY_WITHIN_MS = 180_000;

/** Everything one start shares: what is running already and the addresses found so far. */
class StackStart {
  readonly options: StackOptions;
  readonly servers: SupervisedProcess[] = [];
  readonly services: SupervisedProcess[] = [];
  readonly pids: Record<string, number> = {};
  file: StackFile | undefined;

  constructor(options: StackOptions) {
    this.options = options;
  }

  /** A process that is back serves, whether or not the disk takes a line about it. */
  noteRunning(name: string, pid: number): void {
    this.pids[name] = pid;
    if (this.file === undefined) return;
    try {
      writeStackFile(this.options.settings.home, { ...this.file, pids: this.pids });
    } catch (error) {
      this.options.log(`stack.json could not be rewritten (${messageOf(error)}).`);
    }
  }

  async stop(): Promise<void> {
    const { settings } = this.options;
    this.file = undefined;
    removeStackFile(settings.home);
    await Promise.all(this.services.map((service) => service.stop()));
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

async function startServers(
  start: StackStart,
  binaries: ServerBinaries | undefined,
  ports: Readonly<Record<string, number>>,
): Promise<Record<ServerName, string>> {
  const { settings, log, signal } = start.options;
  const urls: Partial<Record<ServerName, string>> = { ...settings.servers };
  const launch = async (name: ServerName): Promise<void> => {
    if (binaries === undefined) return;
    const options = { home: settings.home, binaries, port: ports[name] ?? 0, log };
    const supervised = await supervise(
      {
        name,
        start: async () => {
          const handle = await startServer(name, options);
          urls[name] = handle.url;
          return handle;
        },
        onRunning: (pid) => start.noteRunning(name, pid),
        log,
      },
      signal,
    );
    start.servers.push(supervised);
  };
  await allOrFirstFailure(privateServers(settings).map(launch));
  const { postgres, nats, redis } = urls;
  if (postgres === undefined || nats === undefined || redis === undefined)
    throw new Error('a server has no address');
  return { postgres, nats, redis };
}

/** Waits for all before it throws the first failure, so that what did start is known and can be stopped. */
async function allOrFirstFailure(tasks: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function startServices(
  start: StackStart,
  servers: ServerUrls,
  urls: Readonly<Record<ServiceName, string>>,
): Promise<void> {
  const { settings, secrets, log } = start.options;
  const boot = new AbortController();
  const giveUp = AbortSignal.any([boot.signal, start.options.signal, AbortSignal.timeout(READY_WITHIN_MS)]);
  const launch = async (name: ServiceName): Promise<void> => {
    const service = {
      name,
      url: urls[name],
      script: serviceScript(settings.root, name),
      folder: settings.root,
      env: serviceEnvironment(name, { settings, secrets, servers }, urls),
      logFile: join(settings.home, 'logs', `${name}.log`),
    };
    const supervised = await supervise(
      {
        name,
        start: (signal) => startService(service, signal),
        onRunning: (pid) => start.noteRunning(name, pid),
        log,
      },
      giveUp,
    );
    start.services.push(supervised);
  };
  // The first failure ends the others' attempts; it is the one to tell.
  const failures: unknown[] = [];
  const launchAll = async (names: readonly ServiceName[]): Promise<void> => {
    const launched = names.map((name) =>
      launch(name).catch((error: unknown) => {
        failures.push(error);
        boot.abort();
      }),
    );
    await Promise.all(launched);
  };
  // The gateway last: it learns the others' routes before it listens, so that what is printed as ready answers.
  await launchAll(SERVICES.filter((name) => name !== GATEWAY));
  if (failures.length === 0) await launchAll([GATEWAY]);
  if (failures.length > 0) throw failures[0];
}

async function bringUp(start: StackStart): Promise<StackFile> {
  const { settings, hooks, log, signal } = start.options;
  await requireGivenServers(settings);
  const binaries = await bringBinaries(settings, log);
  const upstreams = SERVICES.filter((name) => name !== GATEWAY);
  const ports = await rememberPorts(settings.home, [...privateServers(settings), ...upstreams], log);
  const own = privateServers(settings);
  log(own.length > 0 ? `Starting ${own.join(', ')} ...` : 'Using the servers that were given.');
  const servers = await startServers(start, binaries, ports);
  signal.throwIfAborted();
  log('Migrating the database ...');
  await hooks.migrate(servers.postgres);
  signal.throwIfAborted();
  const serviceUrl = settings.serviceDatabaseUrl ?? asServiceRole(servers.postgres);
  const seeded = { ownerUrl: servers.postgres, serviceUrl, natsUrl: servers.nats };
  await hooks.seed(seeded);
  signal.throwIfAborted();
  log(`Starting ${SERVICES.length} services ...`);
  const urls = serviceUrls({ ...ports, [GATEWAY]: settings.gatewayPort });
  await startServices(start, { database: serviceUrl, nats: servers.nats, redis: servers.redis }, urls);
  await hooks.awaitSeeded(seeded);
  return {
    gatewayUrl: urls.gateway,
    ...hooks.accounts,
    services: urls,
    pids: start.pids,
    databaseUrl: servers.postgres,
    redisUrl: servers.redis,
    natsUrl: servers.nats,
  };
}

/**
 * Brings up servers, schema and services, and keeps every process alive from then on.
 * Whatever fails on the way, nothing that was started stays.
 * @throws {StackFailure} or the servers' own errors, each a sentence for a person
 */
export async function startStack(options: StackOptions): Promise<RunningStack> {
  const { home } = options.settings;
  const start = new StackStart(options);
  removeStackFile(home);
  makeFolder(join(home, 'logs'));
  try {
    const file = await bringUp(start);
    if (options.signal.aborted) throw new StackFailure('The start was interrupted.');
    writeStackFile(home, file);
    start.file = file;
    return { file, stop: () => start.stop() };
  } catch (error) {
    await start.stop();
    throw error;
  }
}
