import { buildServiceApp } from '@tributary/http-kit';
import type { ServiceApp, ServiceAppOptions } from '@tributary/http-kit';
import { recoveryRoutes } from './deliveries/recovery-routes.ts';
import { deliveryRoutes } from './deliveries/routes.ts';
import { endpointRoutes } from './endpoints/routes.ts';
import { errors } from './errors.ts';
import { eventTypeRoutes } from './event-types/routes.ts';
import type { RouteDeps } from './routes-context.ts';

export const SERVICE = 'webhook-dispatcher';

export type AppDeps = Omit<ServiceAppOptions, 'service' | 'errors' | 'db'> & RouteDeps;

/** The HTTP side of the dispatcher: endpoints, deliveries and event types. */
export async function buildApp(deps: AppDeps): Promise<ServiceApp> {
  const app = await buildServiceApp({ ...deps, service: SERVICE, errors });
  endpointRoutes(app, deps);
  deliveryRoutes(app, deps);
  recoveryRoutes(app, deps);
  eventTypeRoutes(app);
  return app;
}
