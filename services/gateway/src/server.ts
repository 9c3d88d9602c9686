import {
  startProcess,
  createHealth,
  releasedWorkers,
  systemClock,
  type ProcessContext,
} from '@tributary/runtime';
import { connectMessaging, createPublisher, startSweeper, subscribeBroadcast } from '@tributary/messaging';
import { connect } from '@tributary/schema';
import { buildGateway } from './app.ts';
import { configSchema, type GatewayConfig } from './config.ts';
import { connectRedis } from './rate-limits/connect-redis.ts';
import { createRedisCounter } from './rate-limits/redis-counter.ts';
import { settingsFrom } from './settings.ts';

await startProcess({
  service: 'gateway',
  schema: configSchema,
  env: process.env,
  async build(context) {
    const { config, logger, metrics } = context;
    const { db, messaging, redis, publisher, health } = connectAll(context);
    const gateway = await buildGateway({
      db,
      logger,
      metrics,
      health,
      counter: createRedisCounter(redis, config.REDIS_PREFIX),
      publish: (events) => publisher.publish(events),
      clock: systemClock,
      random: Math.random,
      settings: settingsFrom(config),
    });
    // Started anew beside services that run, the gateway turns nobody away for not knowing their routes yet.
    await Promise.all([gateway.weights.reread('start'), gateway.discovery.first]);
    const workers = releasedWorkers({
      service: 'gateway',
      config,
      db,
      logger,
      metrics,
      start: () => startSweeper({ messaging, db }),
    });
    const broadcast = subscribeBroadcast(messaging, {
      name: 'gateway',
      types: ['apikey.revoked', 'routing.changed'],
      onEvent: (event) => gateway.onEvent(event),
      onReset: () => gateway.onReset(),
    });
    return {
      app: gateway.app,
      onListening: () => workers.start(),
      phases: [
        { name: 'leave the rotation', timeoutMs: 1_000, run: () => health.drain() },
        { name: 'finish requests', timeoutMs: 10_000, run: () => gateway.app.close() },
        {
          name: 'stop workers',
          timeoutMs: 3_000,
          run: () => Promise.all([broadcast.stop(), workers.stop()]),
        },
        { name: 'publish events', timeoutMs: 2_000, run: () => publisher.stop() },
        { name: 'close services', timeoutMs: 2_000, run: () => gateway.close() },
        { name: 'close Redis', timeoutMs: 500, run: () => redis.disconnect() },
        { name: 'close NATS and Postgres', timeoutMs: 3_000, run: () => closeAll(messaging, db) },
      ],
    };
  },
});

/** Nothing of it waits: what is away is connected to once it is there. */
function connectAll({ config, logger, metrics }: ProcessContext<GatewayConfig>) {
  const db = connect({ url: config.DATABASE_URL, applicationName: 'gateway', maxConnections: 6 });
  const messaging = connectMessaging({
    url: config.NATS_URL,
    name: 'gateway',
    namespace: config.NATS_NAMESPACE,
    replicas: config.NATS_REPLICAS,
    logger,
    metrics,
  });
  const redis = connectRedis(config.REDIS_URL, (err) => logger.debug({ err }, 'Redis connection'));
  const publisher = createPublisher({ messaging, db });
  const health = createHealth({
    logger,
    checks: {
      postgres: { check: () => db.ping(), required: true },
      nats: { check: () => messaging.check() },
      redis: { check: () => redis.ping() },
    },
  });
  return { db, messaging, redis, publisher, health };
}

function closeAll(...closables: readonly { close(): Promise<void> }[]): Promise<unknown> {
  return Promise.all(closables.map((closable) => closable.close()));
}
