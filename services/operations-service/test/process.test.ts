import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createTestDatabase, TEST_IDENTITY_SECRET, testNats, testRedis } from '@tributary/testkit';
import t from 'tap';

const SERVER = new URL('../src/server.ts', import.meta.url).pathname;

t.test(
  'the process starts from its environment, tells that it is ready, and ends cleanly on SIGTERM',
  async (t) => {
    const { serviceUrl } = await createTestDatabase(t);
    const nats = testNats(t);
    const child = spawn(process.execPath, [SERVER], {
      env: {
        PORT: '0',
        DATABASE_URL: serviceUrl,
        REDIS_URL: testRedis(t).url,
        NATS_URL: nats.url,
        NATS_NAMESPACE: nats.namespace,
        IDENTITY_SECRET: TEST_IDENTITY_SECRET,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    let address: string | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      t.notMatch(line, TEST_IDENTITY_SECRET, 'no secret in the log');
      const entry = JSON.parse(line) as { msg?: string; address?: string };
      if (entry.msg !== 'ready') continue;
      address = entry.address;
      break;
    }
    const ready = await fetch(`${address}/health/ready`);
    t.equal(ready.status, 200);
    t.match(await ready.json(), { checks: { postgres: { status: 'up' } } });
    t.equal((await fetch(`${address}/operations/commissions`)).status, 401, 'nobody comes past the gateway');
    const exited = once(child, 'exit');
    child.stdout.resume();
    child.kill('SIGTERM');
    t.same(await exited, [0, null]);
  },
);

t.test('a wrong environment is named at once, and is exit 2', async (t) => {
  const env = { PORT: 'x', REPORTING_TZ: 'Mars/Olympus' };
  const child = spawn(process.execPath, [SERVER], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  t.same(await once(child, 'close'), [2, null]);
  for (const name of ['PORT', 'REPORTING_TZ', 'DATABASE_URL', 'IDENTITY_SECRET']) t.match(text, name);
});
