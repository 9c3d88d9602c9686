import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { RateClass } from '@tributary/http-kit';
import { listOperations, publicPath, type ServiceDocument } from './service-document.ts';

/** A route that some service has declared. */
export interface ServiceRoute {
  readonly service: string;
  readonly method: string;
  /** The pattern as the outside sees it, `/api/v1/operations/commissions/:id`: a bounded label for metrics. */
  readonly pattern: string;
  /** Anyone may call it without a token. */
  readonly isPublic: boolean;
  /** Which limit counts its requests. */
  readonly rateClass: RateClass;
  readonly operationId: string | undefined;
  /** It answers a repetition with the same `Idempotency-Key` as it did the first time. */
  readonly takesKey: boolean;
  /** It takes files rather than JSON, of any size: they may take as long as they keep coming. */
  readonly streamsBody: boolean;
}

export interface RouteTable {
  /** Takes a service's routes in place of those it declared before. */
  replace(service: string, document: ServiceDocument): void;
  find(method: string, url: string): ServiceRoute | undefined;
  /** Services whose routes are not known yet. */
  readonly missing: readonly string[];
  readonly routes: readonly ServiceRoute[];
  documents(): ReadonlyMap<string, ServiceDocument>;
}

/** `/a/{id}/b` -> `/a/:id/b`; a colon that stands in a path for itself is doubled, as find-my-way wants it. */
function toPattern(path: string): string {
  return publicPath(path)
    .replaceAll(':', '::')
    .replaceAll(/\{([^}]+)\}/g, ':$1');
}

function routesOf(service: string, document: ServiceDocument): ServiceRoute[] {
  return listOperations(document).map(({ method, path, operation }) => ({
    service,
    method,
    pattern: toPattern(path),
    isPublic: operation['x-required-scope'] === 'public',
    rateClass: operation['x-rate-class'] ?? 'caller',
    operationId: operation.operationId,
    takesKey:
      operation.parameters?.some(({ in: place, name }) => place === 'header' && name === 'Idempotency-Key') ??
      false,
    streamsBody:
      operation.requestBody !== undefined && !('application/json' in operation.requestBody.content),
  }));
}

function buildRouter(routes: readonly ServiceRoute[]) {
  const router = findMyWay({ ignoreTrailingSlash: false, maxParamLength: 500 });
  for (const route of routes) {
    const method = route.method as HTTPMethod;
    if (router.hasRoute(method, route.pattern)) continue;
    router.on(method, route.pattern, () => undefined, route);
  }
  return router;
}

/** The routes of all services, matched as the services themselves match them. */
export function createRouteTable(services: readonly string[]): RouteTable {
  const documents = new Map<string, ServiceDocument>();
  let routes: ServiceRoute[] = [];
  let router = buildRouter(routes);

  return {
    replace(service, document) {
      documents.set(service, document);
      routes = [...documents].flatMap(([name, declared]) => routesOf(name, declared));
      router = buildRouter(routes);
    },
    find(method, url) {
      const match = router.find(method as HTTPMethod, url);
      return (match?.store as ServiceRoute | null | undefined) ?? undefined;
    },
    get missing() {
      return services.filter((service) => !documents.has(service));
    },
    get routes() {
      return routes;
    },
    documents: () => documents,
  };
}
