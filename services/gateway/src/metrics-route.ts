import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError, commonErrors } from '@tributary/http-kit';
import type { Metrics } from '@tributary/runtime';
import type { FastifyInstance } from 'fastify';
import { bearerToken } from './identity/authenticate.ts';
import { API_PREFIX } from './routing/service-document.ts';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The gateway's metrics for a Prometheus that reaches only the gateway; with a token of its own when one is set. */
export function serveMetrics(app: FastifyInstance, metrics: Metrics, token: string | undefined): void {
  const expected = token === undefined ? undefined : digest(token);

  function isAllowed(header: string | undefined): boolean {
    if (expected === undefined) return true;
    const given = bearerToken(header ?? '');
    return given !== undefined && timingSafeEqual(digest(given), expected);
  }

  app.get(`${API_PREFIX}/metrics`, { config: { internal: true } }, async (request, reply) => {
    if (!isAllowed(request.headers.authorization)) {
      throw new AppError(commonErrors.UNAUTHENTICATED, 'Send METRICS_TOKEN as Authorization: Bearer', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    return reply.type(metrics.contentType).send(await metrics.expose());
  });
}
