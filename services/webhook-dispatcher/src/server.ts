import type { StoredEvent } from '@tributary/event-catalog';
import { createPublisher, connectMessaging } from '@tributary/messaging';
import { deriveIdentityKey } from '@tributary/http-kit';
import { createHealth, releasedWorkers, startProcess, systemClock } from '@tributary/runtime';
import type { BuiltProcess, ProcessContext } from '@tributary/runtime';
import { connect } from '@tributary/schema';
import { buildApp, SERVICE } from './app.ts';
import { configSchema } from './config.ts';
import type { WebhookConfig } from './config.ts';
import type { TrafficLimits } from './deliveries/traffic.ts';
import { createOutboundDispatcher } from './deliveries/outbound-dispatcher.ts';
import { createSecretBox } from './encryption/secret-box.ts';
import { webhookMetrics } from './metrics.ts';
import { createSigningKeys } from './signing/signing-keys.ts';
import { startWorkers } from './workers.ts';

await startProcess({ service: SERVICE, schema: configSchema, env: process.env, build });

async function build(context: ProcessContext<WebhookConfig>): Promise<BuiltProcess> {
  const { config, logger, metrics } = context;
  const { db, messaging, publisher } = connections(context);
  const secretBox = createSecretBox(config.WEBHOOK_ENCRYPTION_KEYS);
  const addressPolicy = { allowLoopback: config.WEBHOOK_ALLOW_LOOPBACK };
  const deadlineMs = config.WEBHOOK_DEADLINE_MS;
  const shared = {
    db,
    logger,
    clock: systemClock,
    publish: (events: readonly StoredEvent[]) => publisher.publish(events),
    secretBox,
    signingKeys: createSigningKeys(secretBox),
    dispatcher: createOutboundDispatcher({ policy: addressPolicy, deadlineMs }),
    deadlineMs,
  };
  const health = createHealth({
    logger,
    checks: {
      postgres: { check: () => db.ping(), required: true },
      nats: { check: () => messaging.check() },
    },
  });
  const workers = releasedWorkers({
    service: SERVICE,
    config,
    db,
    logger,
    metrics,
    start: () =>
      startWorkers({ ...shared, messaging, metrics: webhookMetrics(metrics), limits: limitsOf(config) }),
  });
  const app = await buildApp({
    ...shared,
    metrics,
    health,
    identityKey: deriveIdentityKey(config.IDENTITY_SECRET, SERVICE),
    addressPolicy,
    reportingTimeZone: config.REPORTING_TZ,
    wake: () => workers.running?.wake(),
  });
  return {
    app,
    onListening: () => workers.start(),
    phases: [
      { name: 'drain', timeoutMs: 1_000, run: () => health.drain() },
      { name: 'requests', timeoutMs: deadlineMs + 1_000, run: () => app.close() },
      { name: 'workers', timeoutMs: deadlineMs + 3_000, run: () => workers.stop() },
      { name: 'publisher', timeoutMs: 2_000, run: () => publisher.stop() },
      { name: 'messaging', timeoutMs: 2_000, run: () => messaging.close() },
      { name: 'receivers', timeoutMs: 1_000, run: () => shared.dispatcher.destroy() },
      { name: 'database', timeoutMs: 3_000, run: () => db.close(2_000) },
    ],
  };
}

function connections({ config, logger, metrics }: ProcessContext<WebhookConfig>) {
  const db = connect({ url: config.DATABASE_URL, applicationName: SERVICE, plans: 'once' });
  const messaging = connectMessaging({
    url: config.NATS_URL,
    name: SERVICE,
    namespace: config.NATS_NAMESPACE,
    replicas: config.NATS_REPLICAS,
    logger,
    metrics,
  });
  return { db, messaging, publisher: createPublisher({ messaging, db }) };
}

function limitsOf(config: WebhookConfig): TrafficLimits {
  return {
    inFlightPerPartner: config.WEBHOOK_IN_FLIGHT_PER_PARTNER,
    inFlightTotal: config.WEBHOOK_IN_FLIGHT,
    ratePerPartner: config.WEBHOOK_RATE_PER_PARTNER,
  };
}
