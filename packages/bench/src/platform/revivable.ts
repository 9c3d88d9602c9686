import { join } from 'node:path';

import {
  ensureServerBinaries,
  type ServerHandle,
  startNats,
  startPostgres,
  startRedis,
} from '@tributary/local-servers';

import type { DrillContext } from '../drill-declaration.ts';

/** A server that a drill treats badly; its address and data stay the same through all of it. */
export interface RevivableServer {
  readonly url: string;
  readonly pid: number;
  /** Where its data is, to be wiped while it is down. */
  readonly dataDir: string;
  /** Sends a signal, and it is gone when this resolves. */
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Servers as `npm start` runs them, Postgres with fsync. */
export async function startRevivableServers(
  context: DrillContext,
): Promise<Record<'postgres' | 'nats' | 'redis', RevivableServer>> {
  const { folder, root, log } = context;
  const binaries = await ensureServerBinaries({ home: join(root, '.tributary'), log });
  const at = (name: string, port?: number) => ({
    binaries,
    dataDir: join(folder, 'data', name),
    ...(port === undefined ? {} : { port }),
  });
  const [postgres, nats, redis] = await Promise.all([
    revivable((port) => startPostgres({ ...at('postgres', port), durable: true })),
    revivable((port) => startNats(at('nats', port))),
    revivable((port) => startRedis(at('redis', port))),
  ]);
  return { postgres, nats, redis };
}

async function revivable(start: (port?: number) => Promise<ServerHandle>): Promise<RevivableServer> {
  let handle = await start();
  const { url, port, dataDir } = handle;
  return {
    url,
    dataDir,
    get pid() {
      return handle.pid;
    },
    async kill(signal) {
      process.kill(handle.pid, signal);
      await handle.exited;
    },
    async start() {
      handle = await start(port);
    },
    stop: () => handle.stop(),
  };
}
