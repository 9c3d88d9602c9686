import { connectMessaging, createPublisher } from '@tributary/messaging';
import { createLogger, createMetrics } from '@tributary/runtime';
import { connect, type Database } from '@tributary/schema';

import { type Nginx, splitByNginx } from './nginx.ts';
import { changeRouting, type Rollout, type RoutingChange } from './routing.ts';
import type { Platform } from './settings.ts';

const NAME = 'canary';

/** The servers that a change of the routing needs. */
export type Servers = Pick<Platform, 'databaseUrl' | 'natsUrl' | 'natsNamespace'> & {
  /** Who splits the requests, where that is not the gateway. */
  readonly nginx?: Nginx | undefined;
};

/** The database and the way of telling the gateways. */
export interface Connection {
  readonly db: Database;
  /** Writes the change and tells the gateways; without NATS they read it within seconds all the same. */
  change(rollout: Rollout, change: RoutingChange): Promise<void>;
  close(): Promise<void>;
}

export function connectPlatform({ databaseUrl, natsUrl, natsNamespace, nginx }: Servers): Connection {
  const logger = createLogger({ service: NAME, level: 'silent' });
  const metrics = createMetrics({ service: NAME });
  const db = connect({ url: databaseUrl, applicationName: NAME, maxConnections: 2 });
  const messaging = connectMessaging({ url: natsUrl, name: NAME, namespace: natsNamespace, logger, metrics });
  const publisher = createPublisher({ messaging, db });
  return {
    db,
    async change(rollout, change) {
      // Before its record: while Postgres is away, requests go back to the stable release all the same.
      if (nginx !== undefined) await splitByNginx(nginx, change.weights);
      publisher.publish([await changeRouting(db, rollout, change)]);
      await publisher.flush();
    },
    async close() {
      await publisher.stop();
      await Promise.all([messaging.close(), db.close()]);
    },
  };
}
