import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import t from 'tap';

import { until } from './fake-stack.ts';

const BIN = join(import.meta.dirname, '../bin');

interface Outcome {
  code: number;
  output: string;
}

/** A checkout with the real launcher, an `npx` of the test's making, and a task that says what it was given. */
async function makeCheckout(
  t: { teardown(handler: () => unknown): void },
  npx: string | undefined,
): Promise<{ root: string; run: (...args: string[]) => Promise<Outcome>; env: NodeJS.ProcessEnv }> {
  const root = await mkdtemp(join(tmpdir(), 'tributary-launcher-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const files = {
    'package.json': '{}',
    'pnpm-lock.yaml': 'lockfile: 1',
    'packages/devstack/src/start.ts': `console.log('task on', process.execPath, process.argv.slice(2).join(' '));
      process.exitCode = Number(process.argv[2] ?? 0);`,
  };
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), content);
  }
  await cp(BIN, join(root, 'packages/devstack/bin'), { recursive: true });
  await mkdir(join(root, 'path'));
  if (npx !== undefined) {
    await writeFile(join(root, 'path', 'npx'), `#!/bin/sh\n${npx}\n`, { mode: 0o755 });
  }
  const env = {
    PATH: `${join(root, 'path')}${npx === undefined ? '' : `:${process.env.PATH}`}`,
    TMPDIR: root,
  };
  const run = async (...args: string[]): Promise<Outcome> => {
    const launch = [join(root, 'packages/devstack/bin/launch.mjs'), ...args];
    return promisify(execFile)(process.execPath, launch, { env }).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        output: error.stdout + error.stderr,
      }),
    );
  };
  return { root, run, env };
}

/** An installer that counts its runs and brings the test's own Node. */
const INSTALLER = `echo run >> runs
sleep 0.2
mkdir -p node_modules/.bin
ln -sf '${process.execPath}' node_modules/.bin/node`;

const runsOf = async (root: string): Promise<number> =>
  (await readFile(join(root, 'runs'), 'utf8')).trim().split('\n').length;

t.test(
  'dependencies are installed before a task, and again only when what decides them changes',
  async (t) => {
    const { root, run } = await makeCheckout(t, INSTALLER);
    const first = await run('start', '0', 'and more');
    t.equal(first.code, 0, first.output);
    t.match(first.output, 'Installing dependencies');
    t.match(first.output, /task on .*node.* 0 and more/);
    const second = await run('start');
    t.notMatch(second.output, 'Installing');
    t.equal(await runsOf(root), 1);
    await writeFile(join(root, 'pnpm-lock.yaml'), 'lockfile: 2');
    t.match((await run('start')).output, 'Installing dependencies');
  },
);

t.test('the exit code of a task is the launcher’s', async (t) => {
  const { run } = await makeCheckout(t, INSTALLER);
  t.equal((await run('start', '7')).code, 7);
});

t.test('of two launches at once one installs and the other waits for it', async (t) => {
  const { root, run } = await makeCheckout(t, INSTALLER);
  const outcomes = await Promise.all([run('start'), run('start')]);
  t.same(
    outcomes.map(({ code }) => code),
    [0, 0],
  );
  t.equal(await runsOf(root), 1);
});

t.test('an installation that was killed does not block the next', async (t) => {
  const { root, run, env } = await makeCheckout(
    t,
    `[ -f slow ] || { touch slow; exec sleep 60; }\n${INSTALLER}`,
  );
  const killed = spawn(process.execPath, [join(root, 'packages/devstack/bin/launch.mjs'), 'start'], { env });
  await until(async () => (await readFile(join(root, 'slow')).catch(() => undefined)) && true);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  t.equal((await run('start')).code, 0);
});

t.test('what keeps the dependencies away is said in a sentence', async (t) => {
  const cases = [
    [undefined, 'npx was not found'],
    [
      'echo "npm error code ENOTFOUND request to https://registry failed"; exit 1',
      'The npm registry cannot be reached',
    ],
    ['echo "ENOSPC: no space left on device, write"; exit 1', 'is full: free some space'],
    ['echo "EROFS: read-only file system, mkdir"; exit 1', 'is on a read-only disk'],
    ['echo "something quite new"; exit 3', 'Installing the dependencies failed (exit code 3)'],
  ] as const;
  for (const [npx, sentence] of cases) {
    const { run } = await makeCheckout(t, npx);
    const outcome = await run('start');
    t.equal(outcome.code, 1, sentence);
    t.match(outcome.output, sentence);
    t.notMatch(outcome.output, /\n\s+at /, 'no stack trace');
  }
});

t.test('an unknown task lists those that exist', async (t) => {
  const { run } = await makeCheckout(t, INSTALLER);
  const outcome = await run('strat');
  t.equal(outcome.code, 2);
  t.match(outcome.output, /start\s+bring up the whole platform/);
});
