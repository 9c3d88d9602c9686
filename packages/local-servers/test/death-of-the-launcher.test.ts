import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';

import { isAlive, PROJECT_HOME, waitFor } from '@tributary/testkit';
import t from 'tap';

import { findExecutable } from '../src/find-executable.ts';
import { ensureServerBinaries, isPortFree, startPostgres } from '../src/index.ts';

interface Started {
  pid: number;
  port: number;
}

/** Starts three servers in a process of their own, kills that with kill -9, and tells what it had started. */
async function startAndKillLauncher(folder: string, env: NodeJS.ProcessEnv = {}): Promise<Started[]> {
  const launcher = spawn(process.execPath, [join(import.meta.dirname, 'launcher-fixture.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const [line] = await once(createInterface(launcher.stdout), 'line');
  const servers = JSON.parse(String(line)) as Started[];
  t.ok(
    servers.every(({ pid }) => isAlive(pid)),
    'the servers run while the launcher does',
  );
  launcher.kill('SIGKILL');
  await once(launcher, 'exit');
  return servers;
}

async function allGone(servers: readonly Started[]): Promise<boolean> {
  const free = await Promise.all(servers.map(({ port }) => isPortFree(port)));
  return servers.every(({ pid }) => !isAlive(pid)) && free.every(Boolean);
}

t.test('servers die with a launcher that is killed, and its data can be used at once', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'local-servers-death-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const servers = await startAndKillLauncher(folder);
  // Not waited for: a new start has to cope with the old server still shutting down.
  const binaries = await ensureServerBinaries({ home: PROJECT_HOME });
  const next = await startPostgres({ binaries, dataDir: `${folder}/postgres`, durable: true });
  t.teardown(() => next.stop());
  const others = servers.filter(({ port }) => port !== next.port);
  t.ok(await waitFor(() => allGone(others), { what: 'the end of the servers' }));
});

t.test('where setpriv is missing a watchdog does the same', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'local-servers-watchdog-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const tools = ['sh', 'sleep', 'unshare', 'test', 'true', 'nats-server', 'redis-server'];
  for (const tool of tools) {
    const path = findExecutable(tool);
    if (path !== undefined) await symlink(path, join(folder, basename(path)));
  }
  const servers = await startAndKillLauncher(folder, { PATH: folder });
  t.ok(await waitFor(() => allGone(servers), { what: 'the end of the servers' }));
});
