import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  createTestDatabase,
  TEST_IDENTITY_SECRET,
  testNats,
  type TestScope,
  waitFor,
} from '@tributary/testkit';
import type { Database } from '@tributary/schema';
import t from 'tap';
import { CONFIRM_DUE } from '../../src/confirm-due/job.ts';
import {
  confirmedOnce,
  countConfirmed,
  insertDueCommissions,
  queueJob,
  readJob,
  untilEnded,
} from '../harness.ts';

const server = fileURLToPath(new URL('../../src/server.ts', import.meta.url));
const COUNT = 12_000;
const DAY_MS = 86_400_000;
const POLL_MS = 200;

/** A scheduler as it runs in production: a process of its own. */
function startProcess(t: TestScope, variables: Record<string, string>) {
  const child = spawn(process.execPath, [server], {
    env: {
      PORT: '0',
      REDIS_URL: 'redis://127.0.0.1:1',
      IDENTITY_SECRET: TEST_IDENTITY_SECRET,
      JOB_LEASE_MS: '4000',
      JOB_POLL_MS: String(POLL_MS),
      ...variables,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  t.teardown(() => child.kill('SIGKILL'));
  return {
    child,
    exited,
    /** Its workers run by then unless they are off; answers where it listens. */
    ready: () =>
      waitFor(() => /"address":"([^"]+)".*"msg":"ready"/.exec(output)?.[1], {
        timeoutMs: 30_000,
        what: 'the process to be ready',
      }),
  };
}

/** A database, and what a process needs to find it. */
async function emptyDatabase(t: TestScope) {
  const { db, serviceUrl } = await createTestDatabase(t);
  const nats = testNats(t);
  return { db, variables: { DATABASE_URL: serviceUrl, NATS_URL: nats.url, NATS_NAMESPACE: nats.namespace } };
}

/** A database full of due commissions, which no run confirms by its schedule, whatever the hour. */
async function dueCommissions(t: TestScope) {
  const database = await emptyDatabase(t);
  const { db } = database;
  for (let made = 0; made < COUNT; made += 2_000) await insertDueCommissions(db, 2_000);
  // No run is queued for a moment before one that was.
  const now = Date.now();
  await queueJob(db, CONFIRM_DUE, {
    trigger: 'schedule',
    status: 'succeeded',
    scheduledFor: new Date(now + 2 * DAY_MS),
    finishedAt: new Date(now),
  });
  return database;
}

const someConfirmed = (db: Database, id: string) =>
  waitFor(async () => (await readJob(db, id)).succeeded > 0, { timeoutMs: 20_000, intervalMs: 2 });

const unsent = async (db: Database): Promise<number> => {
  const [row] = await db.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM outbox_events WHERE sent_at IS NULL',
  );
  return row?.count ?? -1;
};

t.test(
  'a scheduler killed in the middle: another goes on, and every commission is confirmed exactly once',
  async (t) => {
    const { db, variables } = await dueCommissions(t);
    const first = startProcess(t, variables);
    await first.ready();
    const id = await queueJob(db, CONFIRM_DUE);
    await someConfirmed(db, id);
    first.child.kill('SIGKILL');
    await first.exited;
    const killed = await readJob(db, id);
    t.match(killed, { status: 'running', attempts: 1 });
    t.ok(killed.succeeded < COUNT, `killed after ${killed.succeeded}`);
    startProcess(t, variables);
    startProcess(t, variables);
    const job = await untilEnded(db, id, 60_000);
    t.match(job, { status: 'succeeded', total: COUNT, succeeded: COUNT, failed: 0, skipped: 0 });
    t.match(job.stats, { confirmed: COUNT });
    t.strictSame(await countConfirmed(db), confirmedOnce(COUNT));
    await waitFor(async () => (await unsent(db)) === 0, { timeoutMs: 60_000, what: 'the sweeper' });
  },
);

t.test('a scheduler told to stop hands its job over at once, and leaves cleanly', async (t) => {
  const filled = await dueCommissions(t);
  const { db } = filled;
  // No lease runs out in here: what the next process takes up was handed over.
  const variables = { ...filled.variables, JOB_LEASE_MS: '600000' };
  const first = startProcess(t, variables);
  await first.ready();
  const id = await queueJob(db, CONFIRM_DUE);
  await someConfirmed(db, id);
  first.child.kill('SIGTERM');
  t.equal(await first.exited, 0);
  const handed = await readJob(db, id);
  t.match(handed, { status: 'queued', leaseHolder: null, leaseUntil: null });
  startProcess(t, variables);
  t.match(await untilEnded(db, id, 60_000), { status: 'succeeded', attempts: 1, succeeded: COUNT });
  t.strictSame(await countConfirmed(db), confirmedOnce(COUNT));
});

t.test('a scheduler without workers serves health and takes no job', async (t) => {
  const { db, variables } = await emptyDatabase(t);
  const id = await queueJob(db, 'maintain-partitions');
  const idle = startProcess(t, { ...variables, WORKERS: 'off' });
  const url = await idle.ready();
  t.equal((await fetch(`${url}/health/ready`)).status, 200);
  t.match(
    await (await fetch(`${url}/metrics`)).text(),
    /workers_running\{[^}]*\} 0/,
    'they would run by now',
  );
  await delay(5 * POLL_MS);
  t.match(await readJob(db, id), { status: 'queued', attempts: 0, startedAt: null });
  idle.child.kill('SIGTERM');
  t.equal(await idle.exited, 0);
  startProcess(t, variables);
  t.match(await untilEnded(db, id), { status: 'succeeded' }, 'one with workers takes it');
});
