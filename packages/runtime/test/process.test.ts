import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@tributary/testkit';
import t from 'tap';

const fixture = fileURLToPath(new URL('process-fixture.ts', import.meta.url));

const env = {
  PORT: '0',
  DATABASE_URL: 'postgres://ada:hunter2@db/tributary',
  REDIS_URL: 'redis://redis',
  NATS_URL: 'nats://nats',
  IDENTITY_SECRET: 'hunter2'.repeat(5),
};

function start(t: { teardown(release: () => unknown): void }, variables: Record<string, string>) {
  const child = spawn(process.execPath, [fixture], { env: variables, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  t.teardown(() => child.kill('SIGKILL'));
  return {
    child,
    exited,
    output: () => output,
    says: async (text: string) => waitFor(() => output.includes(text)),
  };
}

await t.test(
  'a process says how it is configured, without secrets, and ends cleanly on SIGTERM',
  async (t) => {
    const { child, exited, output, says } = start(t, env);
    await says('"msg":"ready"');
    child.kill('SIGTERM');
    t.equal(await exited, 0);
    t.match(output(), /configuration: PORT=0 .*IDENTITY_SECRET=\*\*\*/);
    t.notMatch(output(), /hunter2/);
  },
);

await t.test('a process with a wrong configuration names the faults and ends with 2', async (t) => {
  const { exited, output } = start(t, { ...env, PORT: 'x', REDIS_URL: '' });
  t.equal(await exited, 2);
  t.match(output(), /PORT: must be a whole number/);
  t.match(output(), /REDIS_URL is missing/);
});

await t.test('an uncaught failure is logged and ends the process with 1', async (t) => {
  const { exited, output } = start(t, { ...env, MODE: 'crash' });
  t.equal(await exited, 1);
  t.match(output(), /"level":"fatal".*nobody caught this/);
});

await t.test('every line that was logged is written, however suddenly the process ends', async (t) => {
  const { exited, output } = start(t, { ...env, MODE: 'burst' });
  t.equal(await exited, 3);
  const lines = output().trim().split('\n');
  const numbers = lines
    .map((line) => JSON.parse(line) as { n?: number })
    .flatMap(({ n }) => (n === undefined ? [] : [n]));
  t.same(
    numbers,
    Array.from({ length: 1_000 }, (_, at) => at + 1),
    'each once and in order',
  );
});

await t.test('a line is seen soon although lines are written in groups', async (t) => {
  const { child, says, output } = start(t, env);
  await says('"msg":"ready"');
  t.ok(output().length < 4_096, 'there was too little for a full group');
  t.equal(child.exitCode, null, 'and it has not ended');
});

await t.test('a second signal leaves at once', async (t) => {
  const { child, exited, says } = start(t, { ...env, MODE: 'hang' });
  await says('"msg":"ready"');
  child.kill('SIGTERM');
  await says('"msg":"stopping"');
  child.kill('SIGTERM');
  t.equal(await exited, 1);
});

/** Starts the fixture with a standard output of the test's choice, and answers once it listens. */
async function startWithOutput(
  t: { teardown(release: () => unknown): void },
  stdout: number | 'pipe',
  variables: Record<string, string> = {},
) {
  const child = spawn(process.execPath, [fixture], {
    env: { ...env, HOST: '127.0.0.1', ...variables },
    stdio: ['ignore', stdout, 'pipe', 'ipc'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const [{ port }] = (await once(child, 'message')) as [AddressInfo];
  const ask = async () => (await fetch(`http://127.0.0.1:${port}`)).text();
  return { child, exited, ask };
}

const fullDisk = { skip: process.platform === 'linux' ? false : 'only Linux has /dev/full' };

await t.test(
  'a log that the disk does not take any more costs no answer and no clean end',
  fullDisk,
  async (t) => {
    const full = openSync('/dev/full', 'w');
    t.teardown(() => closeSync(full));
    const { child, exited, ask } = await startWithOutput(t, full);
    // Some portions by their size, some by their time.
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 50; n += 1) t.equal(await ask(), 'hello');
      await delay(200);
    }
    child.kill('SIGTERM');
    t.equal(await exited, 0);
  },
);

await t.test('the last words of a process on a full disk do not keep it alive', fullDisk, async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const { exited } = await startWithOutput(t, full, { MODE: 'crash' });
  t.equal(await exited, 1);
});

await t.test('a log that nobody reads any more falls silent, and the process goes on', async (t) => {
  const { child, exited, ask } = await startWithOutput(t, 'pipe');
  child.stdout?.destroy();
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 50; n += 1) t.equal(await ask(), 'hello');
    await delay(200);
  }
  child.kill('SIGTERM');
  t.equal(await exited, 0);
});
