import { deriveIdentityKey } from '@tributary/http-kit';
import {
  connectMessaging,
  createPublisher,
  publishUnrecorded,
  runConsumer,
  startSweeper,
  subscribeBroadcast,
} from '@tributary/messaging';
import {
  createHealth,
  releasedWorkers,
  startProcess,
  systemClock,
  type ProcessContext,
} from '@tributary/runtime';
import type { z } from 'zod';
import { buildTracking, SERVICE, WATCHED_EVENTS } from './app.ts';
import { configSchema, settingsFrom } from './config.ts';
import { connectDatabases } from './databases.ts';

await startProcess({
  service: SERVICE,
  schema: configSchema,
  env: process.env,
  async build(context) {
    const { config, logger, metrics } = context;
    const { databases, messaging, publisher, health } = connectServers(context);
    const { db, reads } = databases;
    const tracking = await buildTracking({
      db,
      reads,
      logger,
      metrics,
      health,
      identityKey: deriveIdentityKey(config.IDENTITY_SECRET, SERVICE),
      publish: (events) => publisher.publish(events),
      isWatched: () => messaging.live !== undefined,
      spill: (event) => publishUnrecorded(messaging, event),
      clock: systemClock,
      settings: settingsFrom(config),
    });
    const broadcast = subscribeBroadcast(messaging, {
      name: SERVICE,
      types: WATCHED_EVENTS,
      onEvent: (event) => tracking.onEvent(event),
      onReset: () => tracking.onReset(),
    });
    const workers = releasedWorkers({
      service: SERVICE,
      config,
      db,
      logger,
      metrics,
      start: () => {
        const running = [
          startSweeper({ messaging, db }),
          runConsumer({ messaging, db }, tracking.spilledClicks),
        ];
        return { stop: () => Promise.all(running.map((worker) => worker.stop())) };
      },
    });
    return {
      app: tracking.app,
      onListening: () => workers.start(),
      phases: [
        { name: 'leave the rotation', timeoutMs: 1_000, run: () => health.drain() },
        { name: 'finish requests', timeoutMs: 10_000, run: () => tracking.app.close() },
        {
          name: 'stop workers',
          timeoutMs: 3_000,
          run: () => Promise.all([broadcast.stop(), workers.stop()]),
        },
        { name: 'keep the last clicks', timeoutMs: 5_000, run: () => tracking.drain() },
        { name: 'publish events', timeoutMs: 2_000, run: () => publisher.stop() },
        {
          name: 'close NATS and Postgres',
          timeoutMs: 3_000,
          run: () => Promise.all([messaging.close(), databases.close()]),
        },
      ],
    };
  },
});

function connectServers({ config, logger, metrics }: ProcessContext<z.output<typeof configSchema>>) {
  const databases = connectDatabases(config);
  const { db } = databases;
  const { NATS_URL: url, NATS_NAMESPACE: namespace, NATS_REPLICAS: replicas } = config;
  const messaging = connectMessaging({ url, name: SERVICE, namespace, replicas, logger, metrics });
  const publisher = createPublisher({ messaging, db });
  const health = createHealth({
    logger,
    checks: {
      postgres: { check: () => db.ping(), required: true },
      nats: { check: () => messaging.check() },
    },
  });
  return { databases, messaging, publisher, health };
}
