import cookie from '@fastify/cookie';
import type { EventEnvelope, StoredEvent } from '@tributary/event-catalog';
import { buildServiceApp, type ServiceApp, type ServiceAppOptions } from '@tributary/http-kit';
import type { ConsumerDefinition } from '@tributary/messaging';
import type { Clock, Health, Logger, Metrics } from '@tributary/runtime';
import type { Database, ReadDatabase } from '@tributary/schema';
import { CATALOG_EVENTS, createCatalog } from './catalog/catalog.ts';
import { createClickWriter } from './clicks/click-writer.ts';
import { countClicks } from './clicks/count-clicks.ts';
import { clickReadRoutes } from './clicks/read-routes.ts';
import { recordClickRoute } from './clicks/routes.ts';
import { countCommissions } from './commissions/count-commissions.ts';
import { commissionReadRoutes } from './commissions/read-routes.ts';
import { conversionReadRoutes } from './conversions/read-routes.ts';
import { conversionWriteRoutes } from './conversions/write-routes.ts';
import type { TrackingDeps } from './deps.ts';
import { errors } from './errors.ts';
import { importRoutes } from './imports/routes.ts';
import { createNetworkTest } from './privacy/addresses.ts';
import { createKeyedHashes } from './privacy/keyed-hashes.ts';
import { createDestinations } from './redirects/destinations.ts';
import { linkRoutes } from './redirects/routes.ts';
import { spilledClickConsumer } from './redirects/spilled-consumer.ts';
import { createSettings } from './settings/active-settings.ts';

export const SERVICE = 'tracking-service';

export interface TrackingOptions {
  readonly db: Database;
  /** For lists; `db` when left out. */
  readonly reads?: ReadDatabase;
  readonly publish: (events: readonly StoredEvent[]) => void;
  /** Whether changes of the catalogue are being heard of (NATS is there). */
  readonly isWatched?: () => boolean;
  readonly spill: (event: EventEnvelope<'click.spilled'>) => Promise<void>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly identityKey: ServiceAppOptions['identityKey'];
  readonly clock: Clock;
  readonly settings: {
    readonly hashPepper: string;
    readonly allowedDestinations: readonly [string, ...string[]];
    readonly internalNetworks: readonly string[];
    readonly redirectWaitMs: number;
    readonly secureCookies: boolean;
    readonly reportingTimeZone: string;
  };
}

/** Events by which the caches of this service learn that something changed. */
export const WATCHED_EVENTS = [...CATALOG_EVENTS, 'setting.changed'] as const;

export interface TrackingService {
  readonly app: ServiceApp;
  readonly spilledClicks: ConsumerDefinition;
  onEvent(event: EventEnvelope<(typeof WATCHED_EVENTS)[number]>): void;
  /** Events may have been missed: what is remembered is forgotten. */
  onReset(): void;
  /** Resolves when every click that was taken is kept; after `app.close()`. */
  drain(): Promise<void>;
}

/** Builds the service from what it depends on; it does not listen yet. */
export async function buildTracking(options: TrackingOptions): Promise<TrackingService> {
  const { logger, metrics, health, identityKey, db } = options;
  const app = await buildServiceApp({ service: SERVICE, logger, metrics, health, identityKey, errors, db });
  await app.register(cookie);
  const background = new Set<Promise<void>>();
  const deps = composeDeps(options, background);
  recordClickRoute(app, deps);
  clickReadRoutes(app, deps);
  linkRoutes(app, deps);
  conversionWriteRoutes(app, deps);
  conversionReadRoutes(app, deps);
  await importRoutes(app, deps);
  commissionReadRoutes(app, deps);
  return {
    app,
    spilledClicks: spilledClickConsumer(deps),
    onEvent(event) {
      if (event.type === 'setting.changed') deps.settings.clear();
      else deps.catalog.onEvent(event);
    },
    onReset() {
      deps.settings.clear();
      deps.catalog.clear();
    },
    async drain() {
      await Promise.all(background);
      await deps.clicks.drain();
    },
  };
}

function composeDeps(options: TrackingOptions, background: Set<Promise<void>>): TrackingDeps {
  const { db, logger, metrics, clock, spill, settings } = options;
  const publish = countClicks(metrics, countCommissions(metrics, options.publish));
  const isWatched = noteUnwatched(metrics, options.isWatched);
  const outcomes = metrics.counter({
    name: 'link_clicks_total',
    help: 'Clicks on tracking links: stored, spilled to NATS while Postgres was away, or lost',
    labels: ['outcome'],
  });
  return {
    db,
    reads: options.reads ?? db,
    publish,
    logger,
    clock,
    spill,
    catalog: createCatalog({ db, metrics, isWatched }),
    settings: createSettings({ db, metrics, isWatched, reportingTimeZone: settings.reportingTimeZone }),
    hashes: createKeyedHashes(settings.hashPepper),
    isInternal: createNetworkTest(settings.internalNetworks),
    clicks: createClickWriter({ db, publish, clock }),
    destinations: createDestinations(settings.allowedDestinations),
    secureCookies: settings.secureCookies,
    waitMs: settings.redirectWaitMs,
    onOutcome: (outcome) => outcomes.inc({ outcome }),
    inBackground: (work) => {
      background.add(work);
      void work.finally(() => background.delete(work));
    },
  };
}

/** Says in the metrics when caches are of little use, because Postgres is asked again each second. */
function noteUnwatched(metrics: Metrics, isWatched: () => boolean = () => true): () => boolean {
  metrics.gauge({
    name: 'caches_unwatched',
    help: '1 while changes are not heard of (NATS is away) and caches keep nothing for longer than a second',
    collect: (gauge) => gauge.set(isWatched() ? 0 : 1),
  });
  return isWatched;
}
