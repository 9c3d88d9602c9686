import type { StoredEvent } from '@tributary/event-catalog';
import { buildServiceApp, deriveIdentityKey, type ServiceApp } from '@tributary/http-kit';
import { createHealth, createMetrics, type Logger } from '@tributary/runtime';
import { errors } from '../errors.ts';
import { serviceDocumentSchema, type ServiceDocument } from '../routing/service-document.ts';
import { registerApiKeyRoutes } from './api-keys-routes.ts';
import { registerAuthRoutes } from './auth-routes.ts';
import type { LoginDeps } from './login.ts';
import { registerUserRoutes } from './users-routes.ts';

/** The name under which the gateway's own routes appear among the services. */
export const IDENTITY_SERVICE = 'gateway';

export interface IdentityAppDeps extends LoginDeps {
  readonly logger: Logger;
  readonly identitySecret: string;
  readonly publish: (events: readonly StoredEvent[]) => void;
}

/**
 * The gateway's own routes as a service like any other, in the same process: requests reach it through the door, with a
 * signed identity, so that scopes, documents and problems work in one way everywhere. The door does the measuring and
 * logging; this app only speaks up when something is wrong.
 */
export async function buildIdentityApp(deps: IdentityAppDeps): Promise<ServiceApp> {
  const app = await buildServiceApp({
    service: IDENTITY_SERVICE,
    logger: deps.logger.child({ part: 'identity' }, { level: 'error' }),
    metrics: createMetrics({ service: IDENTITY_SERVICE }),
    health: createHealth({ checks: {} }),
    identityKey: deriveIdentityKey(deps.identitySecret, IDENTITY_SERVICE),
    errors,
    db: deps.db,
  });
  registerAuthRoutes(app, deps);
  registerApiKeyRoutes(app, deps);
  registerUserRoutes(app, deps);
  await app.ready();
  return app;
}

/** What the app declares, in the form in which other services are asked for it. */
export async function documentOf(app: ServiceApp): Promise<ServiceDocument> {
  const answer = await app.inject('/internal/openapi.json');
  return serviceDocumentSchema.parse(answer.json());
}
