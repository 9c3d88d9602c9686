import scalar from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';
import type { RouteTable } from '../routing/route-table.ts';
import { mergeDocuments } from './merge-documents.ts';

const internal = { internal: true, rateLimit: false } as const;

/** The page runs Scalar's script from here and talks to nobody else. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `/openapi.json` and the page at `/docs` that shows it. */
export async function serveDocuments(app: FastifyInstance, table: RouteTable): Promise<void> {
  let mergedFrom: unknown;
  let merged = '';

  function documentText(): string {
    const version = table.routes;
    if (mergedFrom !== version) {
      mergedFrom = version;
      merged = JSON.stringify(mergeDocuments(table.documents()));
    }
    return merged;
  }

  app.get('/openapi.json', { config: internal }, (_request, reply) =>
    reply.type('application/json; charset=utf-8').header('cache-control', 'no-cache').send(documentText()),
  );

  await app.register(async (page) => {
    page.addHook('onRoute', (route) => {
      route.config = { ...route.config, ...internal };
    });
    page.addHook('onSend', async (_request, reply) => {
      reply.header('content-security-policy', PAGE_POLICY).header('cache-control', 'public, max-age=3600');
    });
    await page.register(scalar, {
      routePrefix: '/docs',
      configuration: {
        url: '/openapi.json',
        pageTitle: 'Tributary API',
        withDefaultFonts: false,
        telemetry: false,
        hideClientButton: true,
      },
    });
  });
}
