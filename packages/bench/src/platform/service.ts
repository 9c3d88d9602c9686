import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';

import { type MeasuredProcess, startMeasured } from '../processes.ts';

/** A service as a process of its own, on an address that stays the same. */
export interface PlatformService {
  readonly name: string;
  readonly url: string;
  /** kill -9, and gone when this resolves. */
  kill(): Promise<void>;
  /** Starts it after its end; answers after how many milliseconds it was ready. */
  start(): Promise<number>;
  /** Politely, if it runs. */
  stop(): Promise<void>;
  /** What it logged as the end of itself: exceptions that nobody caught. */
  fatalities(): Promise<string[]>;
}

export interface ServiceSpec {
  readonly root: string;
  readonly folder: string;
  /** A folder of `services/`. */
  readonly name: string;
  /** Its file of the log, where it runs more than once. */
  readonly label?: string;
  readonly port?: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** Starts a service; it is ready when this resolves. */
export async function startPlatformService(spec: ServiceSpec): Promise<PlatformService> {
  const { root, folder, name, label = name, environment } = spec;
  const port = spec.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(folder, `${label}.log`);
  const launch = (): Promise<MeasuredProcess> =>
    startMeasured({
      name: label,
      command: [process.execPath, join(root, 'services', name, 'src/server.ts')],
      env: { ...environment, NODE_COMPILE_CACHE: join(folder, 'compiled'), PORT: String(port) },
      url,
      readyUrl: `${url}/health/ready`,
      logFile,
    });
  let running = await launch();
  return {
    name,
    url,
    kill: () => running.kill(),
    stop: () => running.stop(),
    async start() {
      const began = performance.now();
      running = await launch();
      return performance.now() - began;
    },
    async fatalities() {
      const lines = (await readFile(logFile, 'utf8')).split('\n');
      return lines.filter((line) => line.includes('"level":"fatal"'));
    },
  };
}
