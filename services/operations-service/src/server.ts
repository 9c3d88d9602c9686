import { deriveIdentityKey } from '@tributary/http-kit';
import { connectMessaging, createPublisher, startSweeper, subscribeBroadcast } from '@tributary/messaging';
import { createHealth, releasedWorkers, startProcess, systemClock } from '@tributary/runtime';
import { connect, connectReads } from '@tributary/schema';
import type { z } from 'zod';
import { buildApp, SERVICE } from './app.ts';
import { configSchema } from './config.ts';

await startProcess({
  service: SERVICE,
  schema: configSchema,
  env: process.env,
  async build({ config, logger, metrics }) {
    const { db, reads } = connectDatabases(config);
    const messaging = connectMessaging({
      url: config.NATS_URL,
      name: SERVICE,
      namespace: config.NATS_NAMESPACE,
      replicas: config.NATS_REPLICAS,
      logger,
      metrics,
    });
    const publisher = createPublisher({ messaging, db });
    const postgres = { check: () => db.ping(), required: true };
    const health = createHealth({ logger, checks: { postgres, nats: { check: () => messaging.check() } } });
    const { app, forgetSettings } = await buildApp({
      db,
      reads,
      messaging,
      logger,
      metrics,
      health,
      publish: (events) => publisher.publish(events),
      clock: systemClock,
      identityKey: deriveIdentityKey(config.IDENTITY_SECRET, SERVICE),
      reportingTimeZone: config.REPORTING_TZ,
    });
    const workers = releasedWorkers({
      service: SERVICE,
      config,
      db,
      logger,
      metrics,
      start: () => startSweeper({ messaging, db }),
    });
    const broadcast = subscribeBroadcast(messaging, {
      name: SERVICE,
      types: ['setting.changed'],
      onEvent: forgetSettings,
      onReset: forgetSettings,
    });
    return {
      app,
      onListening: () => workers.start(),
      phases: [
        { name: 'refuse new connections', timeoutMs: 1_000, run: () => health.drain() },
        { name: 'finish requests', timeoutMs: 10_000, run: () => app.close() },
        {
          name: 'stop workers',
          timeoutMs: 3_000,
          run: async () => Promise.all([broadcast.stop(), workers.stop()]),
        },
        { name: 'publish events', timeoutMs: 2_000, run: () => publisher.stop() },
        {
          name: 'close connections',
          timeoutMs: 2_000,
          run: async () => Promise.all([messaging.close(), reads.close(), db.close()]),
        },
      ],
    };
  },
});

type Databases = Pick<z.output<typeof configSchema>, 'DATABASE_URL' | 'TRIBUTARY_READ_DATABASE_URL'>;

function connectDatabases({ DATABASE_URL, TRIBUTARY_READ_DATABASE_URL: url }: Databases) {
  const db = connect({ url: DATABASE_URL, applicationName: SERVICE });
  return { db, reads: connectReads({ primary: db, url, applicationName: SERVICE }) };
}
