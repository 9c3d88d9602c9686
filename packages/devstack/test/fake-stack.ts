import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { freePort } from '@tributary/local-servers';

import { isAlive, PROJECT_HOME } from '@tributary/testkit';

import type { StackFile } from '../src/home/stack-file.ts';
import { SERVICES } from '../src/services.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
/** As in the workspace's own package.json. */
const NPM_START = `exec '${process.execPath}' '${join(FIXTURES, 'launch-fake.mjs')}'`;
const POLL_MS = 20;

interface Test {
  teardown(handler: () => unknown): void;
}

/** Waits for a condition; the test run's own time limit is what ends a wait for nothing. */
export async function until<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const result = await probe();
    if (result !== undefined) return result;
    await delay(POLL_MS);
  }
}

function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((settle) => {
    const socket = connect(Number(port), hostname);
    const finish = (result: boolean) => () => {
      socket.destroy();
      settle(result);
    };
    socket.once('connect', finish(true)).once('error', finish(false));
  });
}

/** Resolves once no process and no port of a stack is left. */
export async function untilNothingIsLeft(stack: StackFile): Promise<void> {
  const urls = [...Object.values(stack.services), stack.databaseUrl, stack.natsUrl, stack.redisUrl];
  await until(async () => {
    if (Object.values(stack.pids).some(isAlive)) return undefined;
    return (await Promise.all(urls.map(listens))).includes(true) ? undefined : true;
  });
}

/** A workspace of six tiny services with a home of its own; removed with the test. */
export async function makeWorkspace(t: Test): Promise<{ root: string; home: string; port: number }> {
  const root = await mkdtemp(join(tmpdir(), 'tributary-devstack-'));
  const home = join(root, 'home');
  t.teardown(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
  await writeFile(
    join(root, 'package.json'),
    JSON.stringify({ type: 'module', scripts: { start: NPM_START } }),
  );
  for (const name of SERVICES) {
    const folder = join(root, 'services', name, 'src');
    await mkdir(folder, { recursive: true });
    await copyFile(join(FIXTURES, 'tiny-service.txt'), join(folder, 'server.ts'));
  }
  // Servers that had to be downloaded are shared with the project's own home.
  await mkdir(join(PROJECT_HOME, 'servers'), { recursive: true });
  await mkdir(home);
  await symlink(join(PROJECT_HOME, 'servers'), join(home, 'servers'));
  return { root, home, port: await freePort() };
}

/** A start that runs as a process of its own, as a person's does. */
export interface FakeStart {
  readonly process: ChildProcess;
  output(): string;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Resolves with stack.json once it is written; rejects with the output when the start ends before. */
  ready(): Promise<StackFile>;
}

export async function readStackFile(home: string): Promise<StackFile | undefined> {
  const file = join(home, 'stack.json');
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as StackFile) : undefined;
}

/** Starts a workspace; `script` chooses between the start alone and the launcher before it. */
export function startWorkspace(
  t: Test,
  { root, home, port }: { root: string; home: string; port: number },
  {
    script = 'start-fake.ts',
    npm = false,
    env = {},
  }: { script?: string; npm?: boolean; env?: Record<string, string> } = {},
): FakeStart {
  // As a shell without job control starts it in the background: SIGINT ignored.
  const [program, ...args] = npm
    ? ['sh', '-c', `trap '' INT; exec npm --prefix '${root}' start`]
    : [process.execPath, join(FIXTURES, script)];
  const child = spawn(program ?? '', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      STACK_ROOT: root,
      TRIBUTARY_HOME: home,
      PORT: String(port),
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  let over = false;
  const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]) => {
    over = true;
    return code ?? signal ?? 'unknown';
  });
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return {
    process: child,
    output: () => output,
    ended,
    ready: () =>
      until(() => {
        if (over) throw new Error(`the start ended:\n${output}`);
        return readStackFile(home);
      }),
  };
}
