import { join } from 'node:path';

import { ensureServerBinaries, startPostgres, type ServerHandle } from '@tributary/local-servers';
import { connect, migrate, type Database } from '@tributary/schema';

/** As a small production server is set, rather than a laptop's: what is read by many must fit into memory. */
const SETTINGS = {
  shared_buffers: '1GB',
  effective_cache_size: '4GB',
  max_wal_size: '8GB',
  random_page_cost: '1.1',
};

/** For one session's bulk load; the server is told at connecting, so that every connection of the pool has them. */
const FILLING = {
  // The rows name each other by construction; looking each up again would take most of the time. Needs a superuser.
  session_replication_role: 'replica',
  synchronous_commit: 'off',
  work_mem: '256MB',
  maintenance_work_mem: '1GB',
  max_parallel_maintenance_workers: '2',
};

/** A private, migrated Postgres whose data stay in `dataDir`. */
export async function openDataFolder(
  dataDir: string,
  root: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerHandle> {
  const binaries = await ensureServerBinaries({ home: join(root, '.tributary') });
  const postgres = await startPostgres({
    binaries,
    dataDir,
    durable: true,
    settings: { ...SETTINGS, ...settings },
  });
  await migrate(postgres.url);
  return postgres;
}

/** As owner (a superuser), for statements that may take minutes. */
export function connectForFilling(ownerUrl: string): Database {
  const url = new URL(ownerUrl);
  for (const [name, value] of Object.entries(FILLING)) url.searchParams.set(name, value);
  return connect({
    url: url.href,
    applicationName: 'bench-fill',
    maxConnections: 2,
    answerTimeoutMs: 1_800_000,
  });
}
