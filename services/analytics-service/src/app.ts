import { buildServiceApp } from '@tributary/http-kit';
import type { ServiceApp, ServiceAppOptions } from '@tributary/http-kit';
import { systemClock } from '@tributary/runtime';
import type { Clock } from '@tributary/runtime';
import type { ReadDatabase } from '@tributary/schema';
import { dashboardRoutes } from './dashboards/routes.ts';
import { createSharedComputations } from './dashboards/shared-computations.ts';

export const SERVICE = 'analytics-service';

export interface AppDeps extends Omit<ServiceAppOptions, 'service' | 'errors' | 'db'> {
  readonly db: ReadDatabase;
  readonly clock?: Clock;
  /** Where the setting was never made. */
  readonly reportingTimeZone?: string;
}

/** The HTTP side of the service: the dashboards. */
export async function buildApp({
  db,
  clock = systemClock,
  reportingTimeZone = 'UTC',
  ...options
}: AppDeps): Promise<ServiceApp> {
  const app = await buildServiceApp({ ...options, service: SERVICE });
  dashboardRoutes(app, { db, clock, reportingTimeZone, shared: createSharedComputations() });
  return app;
}
