import type { ServerBinaries } from './binaries.ts';
import { makeDataFolder } from './data-folder.ts';
import { onAPort } from './on-a-port.ts';
import { runServer, type ServerHandle } from './server-process.ts';
import { firstAnswer } from './tcp-probe.ts';

export interface StartNatsOptions {
  binaries: ServerBinaries;
  /** Where JetStream keeps its streams; made when missing, used again when there. */
  dataDir: string;
  /** Default: a free one. */
  port?: number;
}

/** Starts nats-server with JetStream on 127.0.0.1. Throws ServerStartError. */
export async function startNats({
  binaries,
  dataDir,
  port: wanted,
}: StartNatsOptions): Promise<ServerHandle> {
  await makeDataFolder('NATS', dataDir);
  return onAPort('NATS', wanted, (port) =>
    runServer({
      name: 'NATS',
      url: `nats://127.0.0.1:${port}`,
      port,
      dataDir,
      logFile: `${dataDir}.log`,
      command: [
        binaries.nats,
        '--addr',
        '127.0.0.1',
        '--port',
        String(port),
        '--jetstream',
        '--store_dir',
        dataDir,
      ],
      env: binaries.env,
      // SIGINT is a plain shutdown that syncs the streams; SIGTERM does the same, but exits with code 1.
      stopSignals: ['SIGINT'],
      // Clients are let in only after JetStream has recovered its streams.
      isReady: async () => (await firstAnswer(port)).includes('"jetstream":true'),
      readyTimeoutMs: 60_000,
    }),
  );
}
