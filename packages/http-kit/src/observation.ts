import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '@tributary/runtime';
import type { Identity } from './identity.ts';

/** Requests to nothing we know share one label value: raw URLs would make unbounded series. */
const UNMATCHED = 'unmatched';

export interface ObservationOptions {
  readonly metrics: Metrics;
  /** The `path` label of the metrics and `route` of the log; by default the pattern of the route. */
  readonly routeLabel?: (request: FastifyRequest) => string;
  /** More for the line of a request, over what it says by itself. */
  readonly logMembers?: (request: FastifyRequest) => object;
}

/** The pattern of the route that a request met. */
export function routePattern(request: FastifyRequest): string {
  return request.is404 ? UNMATCHED : (request.routeOptions.url ?? UNMATCHED);
}

/** Measures and logs every request when its answer has ended. */
export function observeRequests(app: FastifyInstance, options: ObservationOptions): void {
  const { routeLabel = routePattern, logMembers } = options;
  const measure = createMeasure(options.metrics);
  app.addHook('onResponse', (request, reply, done) => {
    const route = routeLabel(request);
    measure(request, reply, route);
    logRequest(request, reply, { route, ...logMembers?.(request) });
    done();
  });
}

/** `http_requests_total` and `http_request_duration_seconds`, by method, route pattern and status. */
function createMeasure(metrics: Metrics) {
  const labels = ['method', 'path', 'status'] as const;
  const total = metrics.counter({ name: 'http_requests_total', help: 'Requests answered', labels });
  const durations = metrics.histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labels,
  });
  return (request: FastifyRequest, reply: FastifyReply, path: string): void => {
    if (request.routeOptions.config.disableMetrics === true) return;
    const values = { method: request.method, path, status: reply.statusCode };
    total.inc(values);
    durations.observe(values, reply.elapsedTime / 1_000);
  };
}

/**
 * One line per request, with who, what, how it ended and how long it took; no address and no query, which may hold
 * personal data. Scrapes and probes are at debug: they would be most of the log.
 */
function logRequest(request: FastifyRequest, reply: FastifyReply, members: object): void {
  const { config } = request.routeOptions;
  const line = {
    method: request.method,
    operation: config.operationId,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    principal: principalOf(request),
    code: request.problemCode ?? undefined,
    ...members,
  };
  if (reply.statusCode >= 500) request.log.error(line, 'request');
  else if (config.internal === true) request.log.debug(line, 'request');
  else request.log.info(line, 'request');
}

/** `user:<id>`, `api_key:<id>`, `public`; undefined before anybody was identified. */
export function principalOf(request: Pick<FastifyRequest, 'identity'>): string | undefined {
  // An app that nobody gave the decorator, and a request refused before the hook that identifies, have none.
  const identity: Identity | null | undefined = request.identity;
  if (identity === null || identity === undefined) return undefined;
  return identity.kind === 'public' ? 'public' : `${identity.kind}:${identity.id}`;
}
