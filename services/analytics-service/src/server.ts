import { deriveIdentityKey } from '@tributary/http-kit';
import { connectMessaging } from '@tributary/messaging';
import { createHealth, newId, releasedWorkers, startProcess } from '@tributary/runtime';
import type { BuiltProcess, ProcessContext } from '@tributary/runtime';
import { connect, connectReads } from '@tributary/schema';
import { buildApp, SERVICE } from './app.ts';
import { configSchema } from './config.ts';
import type { AnalyticsConfig } from './config.ts';
import { startProjector } from './rollups/projector.ts';

await startProcess({ service: SERVICE, schema: configSchema, env: process.env, build });

async function build({ config, logger, metrics }: ProcessContext<AnalyticsConfig>): Promise<BuiltProcess> {
  const db = connect({ url: config.DATABASE_URL, applicationName: SERVICE });
  const reads = connectReads({
    primary: db,
    url: config.TRIBUTARY_READ_DATABASE_URL,
    applicationName: SERVICE,
  });
  const messaging = connectMessaging({
    url: config.NATS_URL,
    name: SERVICE,
    namespace: config.NATS_NAMESPACE,
    replicas: config.NATS_REPLICAS,
    logger,
    metrics,
  });
  const health = createHealth({
    logger,
    checks: {
      postgres: { check: () => db.ping(), required: true },
      nats: { check: () => messaging.check() },
    },
  });
  const identityKey = deriveIdentityKey(config.IDENTITY_SECRET, SERVICE);
  const { REPORTING_TZ: reportingTimeZone } = config;
  const app = await buildApp({ db: reads, logger, metrics, health, identityKey, reportingTimeZone });
  const workers = releasedWorkers({
    service: SERVICE,
    config,
    db,
    logger,
    metrics,
    start: () => startProjector({ db, messaging, logger, holder: `${SERVICE}:${newId()}` }),
  });
  return {
    app,
    onListening: () => workers.start(),
    phases: [
      { name: 'drain', timeoutMs: 1_000, run: () => health.drain() },
      { name: 'requests', timeoutMs: 5_000, run: () => app.close() },
      { name: 'projector', timeoutMs: 6_000, run: () => workers.stop() },
      { name: 'messaging', timeoutMs: 2_000, run: () => messaging.close() },
      { name: 'database', timeoutMs: 3_000, run: () => Promise.all([reads.close(), db.close(2_000)]) },
    ],
  };
}
