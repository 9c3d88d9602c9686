import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exampleEvent, type StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import { createLogger, createMetrics, newId } from '@tributary/runtime';
import {
  createTestDatabase,
  identityHeaders,
  insertPartner,
  startOwnNats,
  testNats,
  TEST_IDENTITY_SECRET,
  waitFor,
  type TestScope,
} from '@tributary/testkit';
import t from 'tap';
import { PUBLIC } from './tracking-under-test.ts';

const { db, serviceUrl } = await createTestDatabase(t);

/** The service as it is started, on a port of its own choice. */
async function startProcess(t: TestScope, settings: Record<string, string>) {
  const child = spawn(process.execPath, ['services/tracking-service/src/server.ts'], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATABASE_URL: serviceUrl,
      REDIS_URL: 'redis://127.0.0.1:1',
      IDENTITY_SECRET: TEST_IDENTITY_SECRET,
      HASH_PEPPER: 'a pepper of the tests only',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.teardown(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const url = Promise.withResolvers<string>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    const { msg, address } = JSON.parse(line) as { msg: string; address?: string };
    if (msg === 'ready') url.resolve(address ?? '');
  });
  const base = await url.promise;
  return {
    lines,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code as number;
    },
    ready: async () => (await fetch(`${base}/health/ready`)).json() as Promise<{ status: string }>,
    /** A figure of the process, by its name in `/metrics`. */
    gauge: async (name: string) => {
      const text = await (await fetch(`${base}/metrics`)).text();
      return new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1];
    },
    click: async (body: object) => {
      const headers = {
        ...identityHeaders({ service: 'tracking-service', ...PUBLIC }),
        'content-type': 'application/json',
      };
      const answer = await fetch(`${base}/tracking/click`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      const { data } = (await answer.json()) as { data: { status: string } };
      return data.status;
    },
  };
}

t.test('without NATS the service starts, serves as degraded, and stops cleanly', async (t) => {
  const { referralCode } = await insertPartner(db);
  const service = await startProcess(t, { NATS_URL: 'nats://127.0.0.1:1' });
  t.match(await service.ready(), { status: 'degraded' });
  t.equal(await service.click({ referralCode, sessionId: 'one' }), 'valid');
  t.equal(await service.stop(), 0);
  t.notMatch(service.lines.join('\n'), /a pepper of|identity-secret/);
});

t.test(
  'caches_unwatched says when changes are not heard of, and caches then believe nothing for long',
  async (t) => {
    const nats = await startOwnNats(t);
    const partner = await insertPartner(db);
    const { referralCode } = partner;
    const service = await startProcess(t, { NATS_URL: nats.url });
    const turns = (value: string) => waitFor(async () => (await service.gauge('caches_unwatched')) === value);
    await turns('0');
    t.equal(await service.click({ referralCode, sessionId: 'heard' }), 'valid');
    await nats.kill();
    await turns('1');
    await db.query(`UPDATE partners SET status = 'suspended' WHERE id = $1`, [partner.id]);
    let visitors = 0;
    const isObeyed = async () => {
      visitors += 1;
      return (await service.click({ referralCode, sessionId: `unheard-${visitors}` })) === 'invalid';
    };
    await waitFor(isObeyed, { what: 'a suspension that nobody told of' });
    await nats.start();
    await turns('0');
    t.equal(await service.stop(), 0);
  },
);

t.test('a change of the catalogue is obeyed once its event comes, also with the workers off', async (t) => {
  const nats = testNats(t);
  const partner = await insertPartner(db);
  const { referralCode } = partner;
  const service = await startProcess(t, {
    NATS_URL: nats.url,
    NATS_NAMESPACE: nats.namespace,
    WORKERS: 'off',
  });
  const messaging = connectMessaging({
    ...nats,
    name: 'test',
    logger: createLogger({ service: 'test', level: 'silent' }),
    metrics: createMetrics({ service: 'test' }),
  });
  const publisher = createPublisher({ messaging, db });
  t.teardown(async () => {
    await publisher.stop();
    await messaging.close();
  });
  await waitFor(() => messaging.live !== undefined);
  t.equal(await service.click({ referralCode, sessionId: 'one' }), 'valid');
  await db.query(`UPDATE partners SET status = 'suspended' WHERE id = $1`, [partner.id]);
  let visitors = 0;
  const statusAfterEvent = async () => {
    visitors += 1;
    const event: StoredEvent = { ...exampleEvent('partner.updated'), id: newId(), createdAt: new Date() };
    publisher.publish([event]);
    return (await service.click({ referralCode, sessionId: `visitor-${visitors}` })) === 'invalid';
  };
  await waitFor(statusAfterEvent, { what: 'the suspension' });
  t.equal(await service.stop(), 0);
});
