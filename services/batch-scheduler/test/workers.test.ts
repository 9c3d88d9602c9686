import { newId } from '@tributary/commissions';
import type { StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import { createHealth, createMetrics } from '@tributary/runtime';
import { createTestDatabase, testIdentityKey, testNats, waitFor } from '@tributary/testkit';
import t from 'tap';
import { buildApp, SERVICE } from '../src/app.ts';
import { startWorkers } from '../src/workers.ts';
import { ada, logger, queueJob, readJob, schedulerDeps, untilEnded } from './harness.ts';

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
  // The one run that a fresh installation begins with; when it has ended, the runner sleeps.
  const first = await waitFor(async () => {
    const [row] = await db.query<{ id: string; name: string }>('SELECT id, name FROM jobs');
    return row;
  });
  t.equal(first.name, 'maintain-partitions');
  await untilEnded(db, first.id);

  const connection = await waitFor(() => messaging.live);
  const finished = Promise.withResolvers<unknown>();
  const subscription = connection.subscribe(messaging.names.subject('job.finished'), {
    callback: (_error, message) => finished.resolve(message.json()),
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
    { intervalMs: 200 },
  );
  t.match(await finished.promise, { type: 'job.finished', data: { status: 'succeeded' } });
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
