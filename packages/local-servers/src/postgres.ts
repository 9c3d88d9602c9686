import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import postgres from 'postgres';

import type { ServerBinaries } from './binaries.ts';
import { ServerStartError } from './failures.ts';
import { onAPort } from './on-a-port.ts';
import { OWNER_ROLE, prepareData } from './postgres-data.ts';
import {
  chooseIdentity,
  type PostgresIdentity,
  preparePostgres,
  type PostgresSetting,
} from './postgres-identity.ts';
import { runServer, type ServerHandle } from './server-process.ts';

export interface StartPostgresOptions {
  binaries: ServerBinaries;
  /** Made by initdb when missing, used again when there. */
  dataDir: string;
  /** Default: a free one. */
  port?: number;
  /** False switches fsync off: for tests only, an OS crash then loses the cluster. */
  durable: boolean;
  /** Further server settings, e.g. `{ log_min_duration_statement: '100' }`. */
  settings?: Readonly<Record<string, string>>;
  log?: (line: string) => void;
  /** Default: whatever works on this system. */
  identity?: PostgresIdentity;
}

const DATABASE = 'tributary';
const READY_TIMEOUT_MS = 120_000;
const ORPHAN_GRACE_MS = 10_000;

// A laptop's share of memory; six services with small pools and a few tools; WAL sized for the demonstration's bulk load.
const DEVELOPMENT_SETTINGS = {
  listen_addresses: '127.0.0.1',
  // TCP only: the path of a socket may not pass 107 characters, which a deep project folder does.
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  wal_compression: 'on',
  max_wal_size: '1GB',
  // Compiling statements takes longer than running those of this platform.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

// A new platform's tables grow from nothing within minutes, and each visit has every connection plan its statements anew.
const DURABLE_SETTINGS = { autovacuum_naptime: '30s' };

const THROWAWAY_SETTINGS = { fsync: 'off', full_page_writes: 'off' };

function settingArgs(options: StartPostgresOptions): string[] {
  const settings = {
    ...DEVELOPMENT_SETTINGS,
    ...(options.durable ? DURABLE_SETTINGS : THROWAWAY_SETTINGS),
    ...options.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The eighth line of postmaster.pid is the server's own word on its state. */
async function isReady(dataDir: string, port: number): Promise<boolean> {
  const lines = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n');
  return lines[3] === String(port) && lines[7]?.trim() === 'ready';
}

async function ensureDatabase(port: number): Promise<void> {
  const sql = postgres(`postgres://${OWNER_ROLE}@127.0.0.1:${port}/postgres`, {
    max: 1,
    onnotice: () => undefined,
  });
  try {
    const existing = await sql`SELECT 1 FROM pg_database WHERE datname = ${DATABASE}`;
    if (existing.length === 0) await sql.unsafe(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await sql.end();
  }
}

async function runPostgres(
  options: StartPostgresOptions,
  setting: PostgresSetting,
  port: number,
): Promise<ServerHandle> {
  const { dataDir, binaries, prefix, uid } = setting;
  const handle = await runServer({
    name: 'Postgres',
    url: `postgres://${OWNER_ROLE}@127.0.0.1:${port}/${DATABASE}`,
    port,
    dataDir,
    logFile: `${options.dataDir}.log`,
    command: [binaries.postgres, '-D', dataDir, '-p', String(port), ...settingArgs(options)],
    prefix,
    ...(uid === undefined ? {} : { uid }),
    // Fast, then immediate shutdown. What is thrown away anyway need not write a checkpoint.
    stopSignals: options.durable ? ['SIGINT', 'SIGQUIT'] : ['SIGQUIT'],
    isReady: async () => isReady(dataDir, port),
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  try {
    await ensureDatabase(port);
  } catch (error) {
    await handle.stop();
    throw error;
  }
  return handle;
}

/**
 * Starts a private PostgreSQL on 127.0.0.1 with a database `tributary` owned by `tributary_owner` (the handle's url).
 * Root, whom Postgres refuses, gets it run as another user. Throws ServerStartError.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<ServerHandle> {
  const identity = options.identity ?? (await chooseIdentity());
  return onAPort('Postgres', options.port, async (port) => {
    const setting = await preparePostgres(options.binaries.postgres, options.dataDir, identity);
    await prepareData(setting, options.durable);
    const deadline = Date.now() + ORPHAN_GRACE_MS;
    for (;;) {
      try {
        return await runPostgres(options, setting, port);
      } catch (error) {
        // Back ends of a postmaster that was killed hold its memory for another moment.
        const orphans = error instanceof ServerStartError && error.message.includes('shared memory block');
        if (!orphans || Date.now() > deadline) throw error;
        options.log?.('Waiting for the back ends of the previous Postgres to end');
        await delay(200);
      }
    }
  });
}
