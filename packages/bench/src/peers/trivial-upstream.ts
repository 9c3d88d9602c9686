import { createServer } from 'node:http';

/** A service that does as little as one can: what it costs is the same behind every gateway. */
const DOCUMENT = JSON.stringify({
  openapi: '3.1.0',
  info: { title: 'bench', version: '1' },
  paths: {
    '/bench/ping': {
      get: {
        operationId: 'ping',
        'x-required-scope': 'operations:read',
        responses: { 200: { description: 'pong' } },
      },
    },
  },
});

const PONG = JSON.stringify({ success: true, data: 'pong' });

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(request.url === '/internal/openapi.json' ? DOCUMENT : PONG);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env['PORT']), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
