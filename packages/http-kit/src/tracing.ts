import { activeTracing, type TraceSpan } from '@tributary/tracing';
import type { FastifyInstance, FastifyRequest } from 'fastify';

import { routePattern } from './observation.ts';

const TRACEPARENT = 'traceparent';

/** A span for every request, where traces are wanted; the request carries its header on to whoever is asked next. */
export function traceRequests(
  app: FastifyInstance,
  { routeLabel = routePattern }: { readonly routeLabel?: (request: FastifyRequest) => string },
): void {
  const tracing = activeTracing();
  if (tracing === undefined) return;
  const spans = new WeakMap<FastifyRequest, TraceSpan>();

  app.addHook('onRequest', (request, _reply, done) => {
    if (request.routeOptions.config.internal === true) return done();
    const given = request.headers[TRACEPARENT];
    const span = tracing.start(request.method, {
      kind: 'server',
      parent: typeof given === 'string' ? given : undefined,
      attributes: { 'http.request.method': request.method, 'tributary.request_id': request.id },
    });
    spans.set(request, span);
    request.raw.headers[TRACEPARENT] = span.traceparent;
    return tracing.within(span, done);
  });
  // A body comes in the context of its connection: what follows it has to be told again whose it is.
  app.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request);
    if (span === undefined) done();
    else tracing.within(span, done);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = routeLabel(request);
    const { statusCode } = reply;
    spans.get(request)?.end({
      name: `${request.method} ${route}`,
      attributes: { 'http.route': route, 'http.response.status_code': statusCode },
      error: statusCode >= 500 ? `answered ${statusCode}` : undefined,
    });
    done();
  });
}
