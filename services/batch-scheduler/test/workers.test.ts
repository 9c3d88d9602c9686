import { newId } from '@tributary/commissions';
import type { StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import { createHealth, createMetrics } from '@tributary/runtime';
import { createTestDatabase, testIdentityKey, testNats, waitFor } from '@tributary/testkit';
import t from 'tap';
import { buildApp, SERVICE } from '../src/app.ts';
import { startWorkers } from '../src/workers.ts';
import { ada, logger, queueJob, readJob, schedulerDeps, type Job } from './harness.ts';

const { db } = await createTestDatabase(t);
const messaging = connectMessaging({
  ...testNats(t),
  name: 'scheduler-tests',
  logger,
  metrics: createMetrics({ service: 'tests' }),
});
t.teardown(() => messaging.close());

const A_LONG_TIME_MS = 600_000;

t.test('job.queued wakes the runner, and job.finished reaches NATS', async (t) => {
  const publisher = createPublisher({ messaging, db });
  const deps = schedulerDeps(db);
  const workers = startWorkers({
    ...deps,
    publish: (events) => publisher.publish(events),
    messaging,
    reportingTimeZone: 'UTC',
    concurrency: 2,
    leaseMs: 5_000,
    pollMs: A_LONG_TIME_MS,
  });
  t.teardown(async () => {
    await workers.stop();
    await publisher.stop();
  });
  // The one run that a fresh installation begins with, beside any whose hour it is; when they have ended, the runner sleeps.
  await waitFor(
    async () => {
      const jobs = await db.query<Pick<Job, 'name' | 'finishedAt'>>('SELECT name, finished_at FROM jobs');
      const isBegun = jobs.some(({ name }) => name === 'maintain-partitions');
      return isBegun && jobs.every(({ finishedAt }) => finishedAt !== null);
    },
    { timeoutMs: 30_000, what: 'the end of the first run' },
  );

  const connection = await waitFor(() => messaging.live);
  const finished: Pick<StoredEvent, 'type' | 'data'>[] = [];
  const subscription = connection.subscribe(messaging.names.subject('job.finished'), {
    callback: (_error, message) => finished.push(message.json()),
  });
  t.teardown(() => subscription.unsubscribe());
  const id = await queueJob(db, 'maintain-partitions');
  const queued = {
    id: newId(),
    type: 'job.queued',
    version: 1,
    occurredAt: new Date().toISOString(),
    programId: 'default',
    subject: { jobId: id },
    actor: { kind: 'api_key', id: ada.id, name: ada.name },
    requestId: null,
    data: { jobId: id, name: 'maintain-partitions', trigger: 'api' },
  } satisfies Omit<StoredEvent, 'createdAt'>;
  const announce = () =>
    connection.jetstream().publish(messaging.names.subject('job.queued'), JSON.stringify(queued));
  // Again and again, since the subscription may begin after the first of them.
  await waitFor(
    async () => {
      await announce();
      return (await readJob(db, id)).finishedAt !== null;
    },
    { intervalMs: 200, timeoutMs: 30_000 },
  );
  const told = await waitFor(() => finished.find(({ data }) => 'jobId' in data && data.jobId === id));
  t.match(told, { type: 'job.finished', data: { status: 'succeeded' } });
});

t.test('the HTTP side has health, metrics and a document without routes', async (t) => {
  const metrics = createMetrics({ service: SERVICE });
  const health = createHealth({ checks: { postgres: { check: () => db.ping(), required: true } } });
  const app = await buildApp({ logger, metrics, health, identityKey: testIdentityKey(SERVICE) });
  t.teardown(() => app.close());
  t.equal((await app.inject('/health/ready')).statusCode, 200);
  t.match((await app.inject('/metrics')).body, /process_cpu/);
  t.same((await app.inject('/internal/openapi.json')).json<{ paths: object }>().paths, {});
  t.equal((await app.inject('/operations/jobs')).statusCode, 404);
});
