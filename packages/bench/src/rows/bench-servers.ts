import { join } from 'node:path';

import {
  ensureServerBinaries,
  startNats,
  startPostgres,
  startRedis,
  type ServerHandle,
} from '@tributary/local-servers';
import { connect, migrate, SERVICE_ROLE, type Database } from '@tributary/schema';

import type { RowContext } from '../row.ts';

export const IDENTITY_SECRET = 'a secret of the bench alone, known to everybody 0123456789';

/** Private servers as `npm start` runs them (Postgres with fsync), migrated and empty. */
export interface BenchServers {
  ownerUrl: string;
  serviceUrl: string;
  postgres: ServerHandle;
  /** As owner, for preparing rows. */
  owner: Database;
  /** What every service needs in its environment. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

export async function startBenchServers({ folder, root, log }: RowContext): Promise<BenchServers> {
  const binaries = await ensureServerBinaries({ home: join(root, '.tributary'), log });
  const [postgres, nats, redis] = await Promise.all([
    startPostgres({ binaries, dataDir: join(folder, 'postgres'), durable: true }),
    startNats({ binaries, dataDir: join(folder, 'nats') }),
    startRedis({ binaries, dataDir: join(folder, 'redis') }),
  ]);
  await migrate(postgres.url);
  const service = new URL(postgres.url);
  service.username = SERVICE_ROLE;
  const owner = connect({
    url: postgres.url,
    applicationName: 'bench',
    maxConnections: 2,
    // Preparing rows may take minutes on a busy machine.
    answerTimeoutMs: 600_000,
  });
  return {
    ownerUrl: postgres.url,
    serviceUrl: service.href,
    postgres,
    owner,
    environment: {
      NODE_ENV: 'production',
      LOG_LEVEL: 'info',
      DATABASE_URL: service.href,
      NATS_URL: nats.url,
      REDIS_URL: redis.url,
      IDENTITY_SECRET,
    },
    async stop() {
      await owner.close();
      await Promise.all([redis.stop(), nats.stop()]);
      await postgres.stop();
    },
  };
}

/** The answer to a side's question how much CPU an operation cost its processes. */
export function cpuPerOperation(
  processes: readonly { cpuSeconds(): number }[],
): (operations: number) => number {
  const before = processes.reduce((sum, process) => sum + process.cpuSeconds(), 0);
  return (operations) => {
    const after = processes.reduce((sum, process) => sum + process.cpuSeconds(), 0);
    return ((after - before) / operations) * 1e6;
  };
}
