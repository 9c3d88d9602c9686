import { buildServiceApp, type ServiceApp, type ServiceAppOptions } from '@tributary/http-kit';
import type { StoredEvent } from '@tributary/event-catalog';
import type { Messaging } from '@tributary/messaging';
import {
  cacheMetrics,
  commissionMetrics,
  type Clock,
  type Health,
  type Logger,
  type Metrics,
} from '@tributary/runtime';
import type { Database, ReadDatabase } from '@tributary/schema';
import { registerAudit } from './audit/routes.ts';
import { registerCommissionActions } from './commissions/action-routes.ts';
import { registerBonus } from './commissions/bonus-route.ts';
import { registerBulk } from './commissions/bulk-route.ts';
import { registerExplain } from './commissions/explain-route.ts';
import { registerExport } from './commissions/export-route.ts';
import { registerCommissionReads } from './commissions/read-routes.ts';
import { registerDeadLetters } from './dead-letters/routes.ts';
import type { OperationsDeps } from './deps.ts';
import { errors } from './errors.ts';
import { registerJobs } from './jobs/routes.ts';
import { registerPartnerAccounts } from './partners/account-routes.ts';
import { registerPartners } from './partners/routes.ts';
import { registerPolicies } from './policies/routes.ts';
import { registerProducts } from './products/routes.ts';
import { registerRefunds } from './refunds/routes.ts';
import { registerSettings } from './settings/routes.ts';
import { createSettingsReader } from './settings/settings-reader.ts';

export const SERVICE = 'operations-service';

export interface AppDeps {
  readonly db: Database;
  /** For lists and exports; `db` when left out. */
  readonly reads?: ReadDatabase;
  readonly publish: (events: readonly StoredEvent[]) => void;
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  /** From `deriveIdentityKey(IDENTITY_SECRET, SERVICE)`. */
  readonly identityKey: ServiceAppOptions['identityKey'];
  /** Where bare dates begin until the setting is made. */
  readonly reportingTimeZone: string;
}

export interface OperationsApp {
  readonly app: ServiceApp;
  /** A setting changed elsewhere, or such an event may have been missed. */
  readonly forgetSettings: () => void;
}

/** Builds the service from what it depends on; it does not listen yet. */
export async function buildApp(given: AppDeps): Promise<OperationsApp> {
  const { db, publish, messaging, logger, metrics, health, clock, identityKey, reportingTimeZone } = given;
  const app = await buildServiceApp({ service: SERVICE, logger, metrics, health, identityKey, errors, db });
  const cache = cacheMetrics(metrics, 'settings');
  const settings = createSettingsReader({ db, clock, cache, reportingTimeZone });
  const deps: OperationsDeps = {
    db,
    reads: given.reads ?? db,
    publish,
    messaging,
    clock,
    settings,
    commissionMetrics: commissionMetrics(metrics),
  };
  registerCommissionActions(app, deps);
  registerBonus(app, deps);
  registerBulk(app, deps);
  registerCommissionReads(app, deps);
  registerExplain(app, deps);
  registerExport(app, deps);
  registerRefunds(app, deps);
  registerAudit(app, deps);
  registerPolicies(app, deps);
  registerPartners(app, deps);
  registerPartnerAccounts(app, deps);
  registerProducts(app, deps);
  registerSettings(app, { ...deps, reportingTimeZone });
  registerJobs(app, deps);
  registerDeadLetters(app, deps);
  return { app, forgetSettings: () => settings.forget() };
}
