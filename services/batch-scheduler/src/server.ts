import { deriveIdentityKey } from '@tributary/http-kit';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import {
  createHealth,
  releasedWorkers,
  startProcess,
  systemClock,
  type BuiltProcess,
  type ProcessContext,
} from '@tributary/runtime';
import { connect } from '@tributary/schema';
import { buildApp, SERVICE } from './app.ts';
import { configSchema, type SchedulerConfig } from './config.ts';
import { startWorkers } from './workers.ts';

await startProcess({ service: SERVICE, schema: configSchema, env: process.env, build });

async function build({ config, logger, metrics }: ProcessContext<SchedulerConfig>): Promise<BuiltProcess> {
  const db = connect({ url: config.DATABASE_URL, applicationName: SERVICE });
  const messaging = connectMessaging({
    url: config.NATS_URL,
    name: SERVICE,
    namespace: config.NATS_NAMESPACE,
    replicas: config.NATS_REPLICAS,
    logger,
    metrics,
  });
  const publisher = createPublisher({ messaging, db });
  const health = createHealth({
    logger,
    checks: {
      postgres: { check: () => db.ping(), required: true },
      nats: { check: () => messaging.check() },
    },
  });
  const identityKey = deriveIdentityKey(config.IDENTITY_SECRET, SERVICE);
  const app = await buildApp({ logger, metrics, health, identityKey });
  const workers = releasedWorkers({
    service: SERVICE,
    config,
    db,
    logger,
    metrics,
    start: () =>
      startWorkers({
        db,
        logger,
        metrics,
        messaging,
        clock: systemClock,
        publish: (events) => publisher.publish(events),
        reportingTimeZone: config.REPORTING_TZ,
        concurrency: config.JOB_CONCURRENCY,
        leaseMs: config.JOB_LEASE_MS,
        pollMs: config.JOB_POLL_MS,
      }),
  });
  return {
    app,
    onListening: () => workers.start(),
    phases: [
      { name: 'drain', timeoutMs: 500, run: () => health.drain() },
      { name: 'requests', timeoutMs: 1_000, run: () => app.close() },
      // A statement may take 5 s (the role's time-out) before a job can be handed back; later its lease runs out.
      { name: 'workers', timeoutMs: 6_500, run: () => workers.stop() },
      { name: 'publisher', timeoutMs: 2_000, run: () => publisher.stop() },
      { name: 'messaging', timeoutMs: 2_000, run: () => messaging.close() },
      { name: 'database', timeoutMs: 2_000, run: () => db.close(1_500) },
    ],
  };
}
