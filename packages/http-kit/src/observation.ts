import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyMetrics from 'fastify-metrics';
import { DURATION_BUCKETS } from '@tributary/runtime';
import type { Metrics } from '@tributary/runtime';

/** Requests to nothing we know share one label value: raw URLs would make unbounded series. */
const UNMATCHED = 'unmatched';

export interface ObservationOptions {
  readonly metrics: Metrics;
  /** The `path` label; by default the pattern of the route. */
  readonly routeLabel?: (request: FastifyRequest) => string;
}

export function routePattern(request: FastifyRequest): string {
  return request.is404 ? UNMATCHED : (request.routeOptions.url ?? UNMATCHED);
}

/** `http_requests_total` and `http_request_duration_seconds`, by method, route pattern and status. */
export async function measureRequests(
  app: FastifyInstance,
  { metrics, routeLabel = routePattern }: ObservationOptions,
): Promise<void> {
  await app.register(fastifyMetrics.default, {
    endpoint: null,
    defaultMetrics: { enabled: false },
    routeMetrics: {
      enabled: { histogram: true, summary: false },
      registeredRoutesOnly: false,
      invalidRouteGroup: UNMATCHED,
      overrides: {
        labels: { method: 'method', route: 'path', status: 'status', getRouteLabel: routeLabel },
        histogram: { registers: [metrics.registry], buckets: [...DURATION_BUCKETS] },
        // It is constructed even when off, and would land in the global registry.
        summary: { registers: [] },
      },
    },
  });
  const total = metrics.counter({
    name: 'http_requests_total',
    help: 'Requests answered',
    labels: ['method', 'path', 'status'],
  });
  app.addHook('onResponse', (request, reply, done) => {
    if (request.routeOptions.config.disableMetrics !== true) {
      total.inc({ method: request.method, path: routeLabel(request), status: reply.statusCode });
    }
    done();
  });
}

/**
 * One line per request, with who, what, how it ended and how long it took; no address and no query, which may hold
 * personal data. Scrapes and probes are at debug: they would be most of the log.
 */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { config } = request.routeOptions;
    const line = {
      method: request.method,
      route: routePattern(request),
      operation: config.operationId,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      principal: principalOf(request),
      code: request.problemCode ?? undefined,
    };
    if (reply.statusCode >= 500) request.log.error(line, 'request');
    else if (config.internal === true) request.log.debug(line, 'request');
    else request.log.info(line, 'request');
    done();
  });
}

/** `user:<id>`, `api_key:<id>`, `public`; undefined before anybody was identified. */
export function principalOf(request: FastifyRequest): string | undefined {
  const { identity } = request;
  if (identity === null) return undefined;
  return identity.kind === 'public' ? 'public' : `${identity.kind}:${identity.id}`;
}
