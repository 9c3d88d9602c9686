import { buildServiceApp, type ServiceApp, type ServiceAppOptions } from '@tributary/http-kit';

export const SERVICE = 'batch-scheduler';

export type AppDeps = Omit<ServiceAppOptions, 'service' | 'errors'>;

/** Health, metrics and an OpenAPI document without routes: jobs as resources are operations-service's. */
export function buildApp(deps: AppDeps): Promise<ServiceApp> {
  return buildServiceApp({ ...deps, service: SERVICE });
}
