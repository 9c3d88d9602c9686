import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { handOver } from '../hand-over.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { mergeDocuments } from './merge-documents.ts';

const internal = { internal: true } as const;

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
export function serveDocuments(app: FastifyInstance, table: RouteTable): void {
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

  let page: Promise<FastifyInstance> | undefined;
  const showPage = async (request: FastifyRequest, reply: FastifyReply) => {
    page ??= buildPage();
    handOver(await page, request, reply);
    return reply;
  };
  app.get('/docs', { config: internal }, showPage);
  app.get('/docs/*', { config: internal }, showPage);
}

/** An app of its own, built when somebody first looks: Scalar's script takes 25 MB of memory. */
async function buildPage(): Promise<FastifyInstance> {
  const { default: scalar } = await import('@scalar/fastify-api-reference');
  const page = fastify();
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
  await page.ready();
  return page;
}
