import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { asService, ECHO_DOCUMENT, listen, startGateway } from './gateway-under-test.ts';

const takeFile = {
  operationId: 'takeFile',
  summary: 'Take a file',
  'x-required-scope': 'public',
  'x-rate-class': 'public',
  requestBody: { content: { 'text/csv': { schema: {} } } },
  responses: { 200: { description: 'It worked' } },
};

const DOCUMENT = { ...ECHO_DOCUMENT, paths: { '/files': { post: takeFile } } };

const PIECE_MS = 50;
/** Some seconds of reading. */
const BYTES = 6_000_000;

/** Reads a body piece by piece, with a rest after each: the gateway's buffers are full most of the time. */
async function countSlowly(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bytes = 0;
  for await (const piece of request) {
    bytes += (piece as Buffer).length;
    await pause(PIECE_MS);
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ bytes }));
}

const upstream = { connections: 4, connectTimeoutMs: 500, headersTimeoutMs: 300, bodyTimeoutMs: 5_000 };

t.test('a file may take longer than a service may take to answer', async (t) => {
  const service = await listen(
    t,
    asService(
      (request, response) => void countSlowly(request, response).catch(() => response.destroy()),
      DOCUMENT,
    ),
  );
  const { url } = await startGateway(t, { upstreams: { 'echo-service': service.url }, upstream });
  const file = await fetch(`${url}/api/v1/files`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: 'x'.repeat(BYTES),
  });
  t.equal(file.status, 200);
  t.same(await file.json(), { bytes: BYTES });
});
