import type { FastifyInstance, FastifyRequest } from 'fastify';
import { commonErrors, AppError, validationError } from './errors.ts';
import { findUnstorable, mayBeUnstorable } from './unstorable.ts';

/**
 * Bodies are JSON and nothing else (Fastify would also take text/plain). The text is kept for the hash of an
 * idempotent request; an absent body is `undefined`, whatever its content type claims.
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  app.decorateRequest('bodyText', '');
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text: string, done) => {
    request.bodyText = text;
    if (text === '') {
      done(null, undefined);
      return;
    }
    void parse(request, text, (error, body: unknown) => {
      if (error !== null) {
        done(new AppError(commonErrors.VALIDATION_ERROR, 'The body is not valid JSON', { cause: error }));
        return;
      }
      const faults = mayBeUnstorable(text) ? findUnstorable(body) : [];
      if (faults.length > 0) done(validationError(faults));
      else done(null, body);
    });
  });
}

/** Refuses `%00` and broken escapes in path and query, which no route can mean; some take any query all the same. */
export function assertSafeAddress({ url, params, query, routeOptions }: FastifyRequest): void {
  if (!url.includes('%')) return;
  const inQuery = routeOptions.config.anyQuery === true ? [] : findUnstorable(query);
  const unsafe = [...findUnstorable(params), ...inQuery];
  if (unsafe.length > 0) throw validationError(unsafe);
}
