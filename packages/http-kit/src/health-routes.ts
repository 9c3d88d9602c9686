import type { FastifyInstance } from 'fastify';
import type { Health, Metrics } from '@tributary/runtime';

/** Said by a process that is about to end: what cannot be sent twice had better wait for its successor. */
export const DRAINING_HEADER = 'x-tributary-draining';

/** What stands on every answer while the process drains: connections are given up before they are closed. */
export const DRAINING_HEADERS = { connection: 'close', [DRAINING_HEADER]: 'true' } as const;

const internal = { config: { internal: true, disableMetrics: true }, schema: { hide: true } };

/** Liveness asks nothing (a process that can answer lives); readiness asks each dependency. */
export function serveHealth(
  app: FastifyInstance,
  { health, metrics }: { readonly health: Health; readonly metrics: Metrics },
): void {
  app.get('/health/live', internal, async () => ({ status: 'ok' }));
  app.get('/health/ready', internal, async (_request, reply) => {
    const report = await health.readiness();
    return reply.code(report.status === 'unavailable' ? 503 : 200).send(report);
  });
  app.get('/metrics', internal, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.expose()),
  );
}
