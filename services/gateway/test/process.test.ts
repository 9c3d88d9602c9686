import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exampleEvent, type StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import { createLogger, createMetrics, newId } from '@tributary/runtime';
import { createTestDatabase, testNats, testRedis, waitFor, type TestScope } from '@tributary/testkit';
import t from 'tap';
import {
  asService,
  call,
  IDENTITY_SECRET,
  insertUser,
  JWT_KEYS,
  listen,
  logIn,
} from './gateway-under-test.ts';

const database = await createTestDatabase(t);
const nats = testNats(t);
const redis = testRedis(t);
const named = (name: string) =>
  asService((_request, response) => void response.writeHead(200).end(JSON.stringify({ release: name })));
const stable = await listen(t, named('stable'));
const canary = await listen(t, named('canary'));
await insertUser(database, { email: 'ada@example.com' });

/** The gateway as it is started, on a port of its own choice. */
async function startProcess(t: TestScope, natsUrl = nats.url) {
  const child = spawn(process.execPath, ['services/gateway/src/server.ts'], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATABASE_URL: database.serviceUrl,
      REDIS_URL: redis.url,
      REDIS_PREFIX: redis.prefix,
      NATS_URL: natsUrl,
      NATS_NAMESPACE: nats.namespace,
      IDENTITY_SECRET,
      RATE_LIMIT_PUBLIC: '1000000',
      JWT_SECRETS: JWT_KEYS.map(({ kid, secret }) => `${kid}:${secret}`).join(','),
      UPSTREAMS: `echo-service=${stable.url}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.teardown(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const ready = Promise.withResolvers<string>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    const { msg, address } = JSON.parse(line) as { msg: string; address?: string };
    if (msg === 'ready') ready.resolve(address ?? '');
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await exited;
    return code as number;
  };
  return { url: await ready.promise, lines, stop };
}

async function setCanaryShare(weight: number): Promise<void> {
  const statement = `INSERT INTO routing_weights (service, release, url, weight)
    VALUES ('echo-service', 'stable', $1, $2), ('echo-service', 'canary', $3, $4)
    ON CONFLICT (service, release) DO UPDATE SET url = excluded.url, weight = excluded.weight`;
  await database.owner.query(statement, [stable.url, 100 - weight, canary.url, weight]);
}

const releaseAt = async (gateway: { readonly url: string }): Promise<unknown> =>
  (await call(gateway, '/api/v1/open')).body['release'];

t.test('a key that one process revokes opens nothing at another once the message comes', async (t) => {
  const [one, two] = await Promise.all([startProcess(t), startProcess(t)]);
  const { accessToken: token } = await logIn(one, 'ada@example.com');
  const body = { name: 'Shop', scopes: ['operations:read'] };
  const made = await call(one, '/api/v1/auth/api-keys', { token, body });
  const { id, key } = made.body.data as { id: string; key: string };
  t.equal((await call(two, '/api/v1/echo', { token: key })).status, 200);
  await call(one, `/api/v1/auth/api-keys/${id}`, { method: 'DELETE', token });
  // Without a message it would be remembered for half a minute.
  await waitFor(async () => (await call(two, '/api/v1/echo', { token: key })).status === 401, {
    what: 'the key to be forgotten',
    timeoutMs: 20_000,
  });
  t.same([await one.stop(), await two.stop()], [0, 0]);
  t.notMatch([...one.lines, ...two.lines].join('\n'), new RegExp(`${key}|${IDENTITY_SECRET}|${token}`));
});

t.test('weights count once the message comes that they have changed', async (t) => {
  const gateway = await startProcess(t);
  const messaging = connectMessaging({
    ...nats,
    name: 'test',
    logger: createLogger({ service: 'test', level: 'silent' }),
    metrics: createMetrics({ service: 'test' }),
  });
  const publisher = createPublisher({ messaging, db: database.db });
  t.teardown(async () => {
    await publisher.stop();
    await messaging.close();
  });
  await waitFor(() => messaging.live !== undefined);
  await waitFor(async () => (await call(gateway, '/health/ready')).body['status'] === 'ok');
  for (let change = 1; change <= 10; change += 1) {
    const release = change % 2 === 1 ? 'canary' : 'stable';
    await setCanaryShare(release === 'canary' ? 100 : 0);
    const changed: StoredEvent = {
      ...exampleEvent('routing.changed'),
      id: newId(),
      subject: { service: 'echo-service' },
      createdAt: new Date(),
    };
    publisher.publish([changed]);
    await waitFor(async () => (await releaseAt(gateway)) === release, { what: release, timeoutMs: 30_000 });
  }
  // They are read every three seconds as well, which may be first now and then.
  const causes = gateway.lines.flatMap((line) => {
    const { msg, cause } = JSON.parse(line) as { msg: string; cause?: string };
    return msg === 'routing weights applied' ? [cause] : [];
  });
  t.ok(causes.includes('message'), causes.join(', '));
});

t.test('without NATS the gateway starts, and goes by the weights of the table', async (t) => {
  await setCanaryShare(100);
  const gateway = await startProcess(t, 'nats://127.0.0.1:1');
  t.match((await call(gateway, '/health/ready')).body, { status: 'degraded' });
  t.equal(await releaseAt(gateway), 'canary');
  await setCanaryShare(0);
  t.ok(
    await waitFor(async () => (await releaseAt(gateway)) === 'stable', { what: 'the weights to be read' }),
  );
  t.equal(await gateway.stop(), 0);
});
