import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectMessaging } from '@tributary/messaging';
import { createMetrics, newId } from '@tributary/runtime';
import { createTestDatabase, createWebhookReceiver, testNats, testRedis, waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import { Webhook } from 'standardwebhooks';
import t from 'tap';
import {
  createDispatcher,
  createEndpoint,
  ENCRYPTION_KEY,
  eventFor,
  insertPartner,
  logger,
  publishEvent,
} from '../harness.ts';

const SERVER = fileURLToPath(new URL('../../src/server.ts', import.meta.url));

/** A dispatcher in a process of its own, on a free port: ready, with its workers running unless they are off. */
async function startProcess(
  t: TestScope,
  env: Record<string, string>,
): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [SERVER], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ready = /"address":"([^"]+)".*"msg":"ready"/;
  const url = await waitFor(() => ready.exec(log)?.[1], {
    timeoutMs: 30_000,
    what: 'the process to be ready',
  });
  return { child, url };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const gone = once(child, 'exit');
  child.kill(signal);
  const [code] = (await gone) as [number | null];
  return code;
}

async function setUp(t: TestScope) {
  const { db, serviceUrl } = await createTestDatabase(t);
  const nats = testNats(t);
  const messaging = connectMessaging({
    ...nats,
    name: 'kill-test',
    logger,
    metrics: createMetrics({ service: 'tests' }),
  });
  t.teardown(() => messaging.close());
  // Registers endpoints only; deliveries are made by the processes.
  const registry = await createDispatcher(t, db);
  const env = {
    PORT: '0',
    DATABASE_URL: serviceUrl,
    REDIS_URL: testRedis(t).url,
    NATS_URL: nats.url,
    NATS_NAMESPACE: nats.namespace,
    IDENTITY_SECRET: 'a secret of the tests, long enough',
    WEBHOOK_ENCRYPTION_KEYS: ENCRYPTION_KEY,
    WEBHOOK_ALLOW_LOOPBACK: 'on',
    NODE_ENV: 'test',
  };
  return { db, messaging, registry, env };
}

t.test('a dispatcher killed again and again loses no delivery', { timeout: 120_000 }, async (t) => {
  const { db, messaging, registry, env } = await setUp(t);
  const receiver = await createWebhookReceiver(t);
  receiver.answerWith({ delayMs: 50 });
  const secrets = new Map<string, string>();
  const partners: string[] = [];
  for (let i = 0; i < 10; i += 1) {
    const partnerId = await insertPartner(db);
    const { secret } = await createEndpoint(registry, { partnerId, url: `${receiver.url}/${partnerId}` });
    secrets.set(partnerId, secret);
    partners.push(partnerId);
  }
  const published: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const { child } = await startProcess(t, env);
    const before = receiver.requests.length;
    const events = Array.from({ length: 60 }, (_, i) => eventFor(partners[i % 10] ?? newId()));
    for (const event of events) await publishEvent(messaging, event);
    published.push(...events.map(({ id }) => id));
    // In the middle of its work: some delivered, some claimed and on their way, some not even fanned out.
    await waitFor(() => receiver.requests.length > before + round * 10);
    await kill(child, 'SIGKILL');
  }
  const { child: survivor } = await startProcess(t, env);
  const allDelivered = async (): Promise<boolean> => {
    const [row] = await db.query<{ delivered: number; all: number }>(
      `SELECT count(*) FILTER (WHERE status = 'delivered')::int AS delivered, count(*)::int AS all FROM webhook_deliveries`,
    );
    return row?.delivered === published.length && row.all === published.length;
  };
  await waitFor(allDelivered, { timeoutMs: 60_000, intervalMs: 100, what: 'all deliveries' });
  const received = new Map(
    receiver.requests.map((request) => [String(request.headers['webhook-id']), request]),
  );
  t.strictSame([...received.keys()].toSorted(), published.toSorted());
  for (const { path, body, headers } of received.values()) {
    const secret = secrets.get(path.split('/').at(-1) ?? '') ?? '';
    t.doesNotThrow(() => new Webhook(secret).verify(body, headers as Record<string, string>));
  }
  t.equal(await kill(survivor, 'SIGTERM'), 0, 'and the survivor leaves cleanly');
});

t.test(
  'a dispatcher told to stop ends its attempts, writes them down and gives the rest back',
  { timeout: 60_000 },
  async (t) => {
    const { db, messaging, registry, env } = await setUp(t);
    const receiver = await createWebhookReceiver(t);
    receiver.answerWith({ delayMs: 400 });
    const partnerId = await insertPartner(db);
    await createEndpoint(registry, { partnerId, url: receiver.url });
    const { child } = await startProcess(t, env);
    for (let i = 0; i < 30; i += 1) await publishEvent(messaging, eventFor(partnerId));
    await receiver.received(3);
    t.equal(await kill(child, 'SIGTERM'), 0);
    const [row] = await db.query<{ claimed: number; attempted: number }>(
      `SELECT count(*) FILTER (WHERE claimed_until IS NOT NULL)::int AS claimed,
       count(*) FILTER (WHERE status = 'delivered')::int AS attempted FROM webhook_deliveries`,
    );
    t.equal(row?.claimed, 0, 'no claim is left to lapse');
    t.equal(row?.attempted, receiver.requests.length, 'everything that was sent is written down');
  },
);

t.test('with WORKERS=off it answers requests and delivers nothing', { timeout: 60_000 }, async (t) => {
  const { db, messaging, registry, env } = await setUp(t);
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  await createEndpoint(registry, { partnerId, url: receiver.url });
  await publishEvent(messaging, eventFor(partnerId));
  const { child: idle, url } = await startProcess(t, { ...env, WORKERS: 'off' });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  t.match(metrics, /workers_running\{[^}]*\} 0/, 'they would run by now');
  t.equal((await db.query('SELECT FROM webhook_deliveries')).length, 0);
  t.equal(await kill(idle, 'SIGTERM'), 0);
  t.equal(receiver.requests.length, 0);
  await startProcess(t, env);
  await receiver.received(1, 30_000);
});
