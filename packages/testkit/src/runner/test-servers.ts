import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  ensureServerBinaries,
  type ServerHandle,
  startNats,
  startPostgres,
  startRedis,
} from '@tributary/local-servers';
import { migrate } from '@tributary/schema';
import postgres from 'postgres';

import { TEMPLATE_DATABASE, withDatabase } from '../database-names.ts';

/** The servers of one test run. */
export interface TestServers {
  /** What test processes find them by. */
  env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

async function createTemplate(ownerUrl: string): Promise<void> {
  const sql = postgres(ownerUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
    await migrate(withDatabase(ownerUrl, TEMPLATE_DATABASE));
    // Nobody may connect any more: a template that is in use cannot be cloned.
    await sql.unsafe(`ALTER DATABASE ${TEMPLATE_DATABASE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  } finally {
    await sql.end();
  }
}

/** Starts Postgres (without fsync), NATS and Redis in a temporary folder, and migrates the template database. */
export async function startTestServers(home: string, log: (line: string) => void): Promise<TestServers> {
  const binaries = await ensureServerBinaries({ home, log });
  const folder = await mkdtemp(join(tmpdir(), 'tributary-test-'));
  const started = await Promise.allSettled([
    startPostgres({
      binaries,
      dataDir: join(folder, 'postgres'),
      durable: false,
      log,
      settings: { max_connections: '400' },
    }),
    startNats({ binaries, dataDir: join(folder, 'nats') }),
    startRedis({ binaries, dataDir: join(folder, 'redis') }),
  ]);
  const handles = started.filter((one) => one.status === 'fulfilled').map((one) => one.value);
  const stop = async (): Promise<void> => {
    await Promise.all(handles.map((handle: ServerHandle) => handle.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  const [database, nats, redis] = started;
  if (database.status === 'rejected' || nats.status === 'rejected' || redis.status === 'rejected') {
    await stop();
    throw started.find((one) => one.status === 'rejected')?.reason;
  }
  try {
    await createTemplate(database.value.url);
  } catch (error) {
    await stop();
    throw error;
  }
  const env = {
    TEST_POSTGRES_URL: database.value.url,
    TEST_NATS_URL: nats.value.url,
    TEST_REDIS_URL: redis.value.url,
  };
  return { env, stop };
}
