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
import { migrate, SERVICE_ROLE } from '@tributary/schema';

import { withUser } from './database-names.ts';
import { isAlive } from './is-alive.ts';
import { PROJECT_HOME } from './project.ts';
import type { TestScope } from './scope.ts';

/** A server that a test may treat badly. Its address stays the same through all of it. */
export interface OwnServer {
  readonly url: string;
  readonly pid: number;
  /** kill -9, and gone when this resolves. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data, after `kill` or `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it from answering, connections left open. Of Postgres only the part that accepts connections is frozen. */
  freeze(): void;
  thaw(): void;
}

type Start = (folder: string, port?: number) => Promise<ServerHandle>;

async function ownServer(t: TestScope, start: Start): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-own-'));
  let handle = await start(folder);
  const { url, port } = handle;
  t.teardown(async () => {
    // A test may end with its server killed.
    if (isAlive(handle.pid)) process.kill(handle.pid, 'SIGCONT');
    await handle.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    url,
    get pid() {
      return handle.pid;
    },
    kill: async () => {
      process.kill(handle.pid, 'SIGKILL');
      await handle.exited;
    },
    start: async () => {
      handle = await start(folder, port);
    },
    stop: () => handle.stop(),
    freeze: () => void process.kill(handle.pid, 'SIGSTOP'),
    thaw: () => void process.kill(handle.pid, 'SIGCONT'),
  };
}

const onPort = (port: number | undefined): { port?: number } => (port === undefined ? {} : { port });

/** A NATS server of the test's own, for tests that kill or freeze it. */
export async function startOwnNats(t: TestScope): Promise<OwnServer> {
  const binaries = await ensureServerBinaries({ home: PROJECT_HOME });
  return ownServer(t, (folder, port) =>
    startNats({ binaries, dataDir: join(folder, 'nats'), ...onPort(port) }),
  );
}

/** A Redis server of the test's own, for tests that kill or freeze it. */
export async function startOwnRedis(t: TestScope): Promise<OwnServer> {
  const binaries = await ensureServerBinaries({ home: PROJECT_HOME });
  return ownServer(t, (folder, port) =>
    startRedis({ binaries, dataDir: join(folder, 'redis'), ...onPort(port) }),
  );
}

/** A migrated Postgres of the test's own (about two seconds), for tests that kill it. `url` is the owner's. */
export async function startOwnPostgres(t: TestScope): Promise<OwnServer & { serviceUrl: string }> {
  const binaries = await ensureServerBinaries({ home: PROJECT_HOME });
  const server = await ownServer(t, (folder, port) =>
    startPostgres({ binaries, dataDir: join(folder, 'postgres'), durable: false, ...onPort(port) }),
  );
  await migrate(server.url);
  return Object.assign(server, { serviceUrl: withUser(server.url, SERVICE_ROLE) });
}
