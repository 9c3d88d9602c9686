import type { ServerBinaries } from './binaries.ts';
import { makeDataFolder } from './data-folder.ts';
import { onAPort } from './on-a-port.ts';
import { runServer, type ServerHandle } from './server-process.ts';
import { firstAnswer } from './tcp-probe.ts';

export interface StartRedisOptions {
  binaries: ServerBinaries;
  /** Its working folder; made when missing. Nothing is kept in it (see docs/decisions.md). */
  dataDir: string;
  /** Default: a free one. */
  port?: number;
}

const NOT_A_DAEMON = ['--daemonize', 'no', '--appendonly', 'no', '--bind', '127.0.0.1'];

/** Starts redis-server, without persistence, on 127.0.0.1. Throws ServerStartError. */
export async function startRedis({
  binaries,
  dataDir,
  port: wanted,
}: StartRedisOptions): Promise<ServerHandle> {
  await makeDataFolder('Redis', dataDir);
  return onAPort('Redis', wanted, (port) =>
    runServer({
      name: 'Redis',
      url: `redis://127.0.0.1:${port}`,
      port,
      dataDir,
      logFile: `${dataDir}.log`,
      command: [binaries.redis, ...NOT_A_DAEMON, '--save', '', '--port', String(port), '--dir', dataDir],
      env: binaries.env,
      stopSignals: ['SIGTERM'],
      isReady: async () => (await firstAnswer(port, 'PING\r\n')).startsWith('+PONG'),
    }),
  );
}
