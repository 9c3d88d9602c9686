import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import t from 'tap';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import { createMetrics } from '@tributary/runtime';
import { createTestDatabase, insertCommission, testNats, waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import { commissionEvent } from './events.ts';
import { logger } from './harness.ts';

const SERVER = resolve(import.meta.dirname, '../src/server.ts');

/** The process as it is deployed; killed with the scope. */
async function startServer(t: TestScope, env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SERVER], {
    env: { PORT: '0', REDIS_URL: 'redis://127.0.0.1:1', IDENTITY_SECRET: 'x'.repeat(32), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let log = '';
  child.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await waitFor(() => log.includes('"ready"'), { timeoutMs: 30_000, what: 'the server to be ready' });
  return child;
}

t.test(
  'a killed projector is taken over, one with WORKERS=off never projects, SIGTERM ends it cleanly',
  async (t) => {
    const { db, owner, serviceUrl } = await createTestDatabase(t);
    const nats = testNats(t);
    const env = { DATABASE_URL: serviceUrl, NATS_URL: nats.url, NATS_NAMESPACE: nats.namespace };
    const idle = await startServer(t, { ...env, WORKERS: 'off' });
    const first = await startServer(t, env);
    const messaging = connectMessaging({
      ...nats,
      name: 'test',
      logger,
      metrics: createMetrics({ service: 'test' }),
    });
    const publisher = createPublisher({ messaging, db });
    t.teardown(async () => {
      await publisher.stop();
      await messaging.close();
    });
    await messaging.whenLive(AbortSignal.timeout(20_000));
    const holder = async () =>
      (await db.query<{ holder: string }>(`SELECT holder FROM leases WHERE name = 'analytics-projector'`))[0]
        ?.holder;
    const projected = async () =>
      (await db.query<{ sum: number }>('SELECT sum(pending_count)::int AS sum FROM rollup_program_hours'))[0]
        ?.sum;
    const change = async () =>
      publisher.publish([commissionEvent('commission.created', await insertCommission(owner))]);
    const firstHolder = await waitFor(holder);
    await change();
    await waitFor(async () => (await projected()) === 1, { timeoutMs: 30_000 });
    first.kill('SIGKILL');
    await once(first, 'exit');
    await change();
    const second = await startServer(t, env);
    await waitFor(async () => (await projected()) === 2, { timeoutMs: 60_000 });
    t.not(await holder(), firstHolder);
    for (const child of [second, idle]) {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      t.equal(code, 0);
    }
  },
);
