import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';
import { createTestDatabase, testNats, testRedis, waitFor } from '@tributary/testkit';
import t from 'tap';

import { bundleImage, type Image, IMAGES } from '../src/bundle-services.ts';

// What the images hold, as plain processes: in a folder of their own, with nothing of the workspace to fall back on.
const folder = await mkdtemp(join(tmpdir(), 'tributary-bundles-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const { serviceUrl, owner, ownerUrl } = await createTestDatabase(t);
const nats = testNats(t);
const redis = testRedis(t);

const secretFile = async (name: string, value: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, `${value}\n`);
  return path;
};

const shared = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  LOG_LEVEL: 'warn',
  DATABASE_URL_FILE: await secretFile('database_url', serviceUrl),
  IDENTITY_SECRET_FILE: await secretFile('identity_secret', 'i'.repeat(64)),
  JWT_SECRETS_FILE: await secretFile('jwt_secrets', `k1:${'j'.repeat(64)}`),
  HASH_PEPPER_FILE: await secretFile('hash_pepper', 'p'.repeat(64)),
  WEBHOOK_ENCRYPTION_KEYS_FILE: await secretFile('webhook_key', Buffer.alloc(32, 7).toString('base64')),
  REDIS_URL: redis.url,
  REDIS_PREFIX: redis.prefix,
  NATS_URL: nats.url,
  NATS_NAMESPACE: nats.namespace,
  // Of somebody else's: not every variable that ends so is ours.
  SOME_TOOL_FILE: '/no/such/file',
};

function run(image: Image, script: string, env: Readonly<Record<string, string>>) {
  // From the root of the disk: nothing may depend on where it is started.
  const child = spawn(process.execPath, [join(folder, image, 'bin', script)], {
    cwd: '/',
    env,
    stdio: 'pipe',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  t.teardown(() => child.kill('SIGKILL'));
  return { child, output: () => output, ended: exitOf(child) };
}

const exitOf = async (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
  });

const ports = new Map<Image, number>();
for (const image of IMAGES) ports.set(image, await freePort());
const urlOf = (image: Image): string => `http://127.0.0.1:${ports.get(image)}`;
const environmentOf = (image: Image): Record<string, string> => ({
  ...shared,
  PORT: String(ports.get(image)),
  UPSTREAMS: IMAGES.filter((name) => name !== 'gateway' && name !== 'migrate')
    .map((name) => `${name}=${urlOf(name)}`)
    .join(','),
});

await Promise.all(IMAGES.map((image) => bundleImage(image, join(folder, image))));

t.test(
  'the migration brings an empty database up to date, and changes nothing the second time',
  async (t) => {
    const name = `bundle_${process.pid}`;
    await owner.query(`CREATE DATABASE ${name} TEMPLATE template0`);
    t.teardown(() => owner.query(`DROP DATABASE ${name} WITH (FORCE)`));
    const url = new URL(ownerUrl);
    url.pathname = `/${name}`;
    for (const expected of [/applying migration 0000[^]*up to date/, /^The database is up to date/]) {
      const { ended, output } = run('migrate', 'start.mjs', {
        DATABASE_URL_FILE: await secretFile('owner', url.href),
      });
      t.equal(await ended, 0, output());
      t.match(output(), expected);
    }
  },
);

t.test(
  'every service runs from its bundle, says that it is healthy, and ends when it is asked to',
  async (t) => {
    const services = IMAGES.filter((image) => image !== 'migrate');
    const running = services.map((image) => ({ image, ...run(image, 'start.mjs', environmentOf(image)) }));
    for (const { image, output } of running) {
      const isHealthy = async () =>
        (await run(image, 'health.mjs', { PORT: String(ports.get(image)) }).ended) === 0;
      await waitFor(isHealthy, { timeoutMs: 30_000, intervalMs: 200, what: `${image}: ${output()}` });
      const metrics = await fetch(`${urlOf(image)}/metrics`);
      t.match(await metrics.text(), `service="${image}"`);
    }
    const gateway = urlOf('gateway');
    await waitFor(async () =>
      (await (await fetch(`${gateway}/openapi.json`)).text()).includes('/tracking/click'),
    );
    t.equal((await fetch(`${gateway}/docs`)).status, 200, 'the page of the documentation is in the bundle');
    const login = await fetch(`${gateway}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'nobody@example.com', password: 'a long enough password' }),
    });
    t.equal(login.status, 401, 'passwords are checked by compiled code');
    const click = await fetch(`${gateway}/api/v1/tracking/click`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ referralCode: 'NOBODY' }),
    });
    t.equal(click.status, 404, 'a request goes through to a service and its database');
    for (const { image, child, ended, output } of running) {
      child.kill('SIGTERM');
      t.equal(await ended, 0, `${image}: ${output()}`);
    }
  },
);

t.test('a process that is not there is not healthy', async (t) => {
  t.equal(await run('gateway', 'health.mjs', { PORT: String(await freePort()) }).ended, 1);
});
