import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { deriveIdentityKey, IDENTITY_HEADER, verifyIdentity } from '@tributary/http-kit';
import { waitFor } from '@tributary/testkit';
import t from 'tap';
import {
  accessToken,
  asService,
  before,
  call,
  echo,
  IDENTITY_SECRET,
  listen,
  startGateway,
  stopServer,
} from './gateway-under-test.ts';

/** Sends bytes as they are and reads until the connection ends. */
async function sendRaw(url: string, text: string): Promise<string> {
  const { port } = new URL(url);
  const socket: Socket = connect(Number(port), '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

t.test('a service gets the path without the prefix, the query, the body and a signed identity', async (t) => {
  const gateway = await before(t, echo);
  const answer = await call(gateway, '/api/v1/open?a=1&b=%20', {
    body: { x: 1 },
    headers: { 'x-request-id': 'my-id', 'user-agent': 'tests' },
  });
  t.match(answer.body, { method: 'POST', url: '/open?a=1&b=%20', body: '{"x":1}' });
  t.equal(answer.headers.get('x-request-id'), 'my-id');
  const headers = answer.body['headers'] as Record<string, string>;
  const key = deriveIdentityKey(IDENTITY_SECRET, 'echo-service');
  const identity = verifyIdentity(headers['x-tributary-identity'] ?? '', { service: 'echo-service', key });
  t.match(identity, { kind: 'public', ip: '127.0.0.1', userAgent: 'tests' });
  const other = { service: 'other-service', key: deriveIdentityKey(IDENTITY_SECRET, 'other-service') };
  t.equal(verifyIdentity(headers['x-tributary-identity'] ?? '', other), undefined, 'it is for one service');
});

t.test('the identity is signed when a request leaves, however long that takes', async (t) => {
  const key = deriveIdentityKey(IDENTITY_SECRET, 'echo-service');
  const isGood = (answer: string, now: number): boolean => {
    const { headers } = JSON.parse(answer) as { headers: Record<string, string> };
    return (
      verifyIdentity(headers[IDENTITY_HEADER] ?? '', { service: 'echo-service', key }, now) !== undefined
    );
  };

  const slowBodies = {
    'a small body that comes slowly': { 'content-type': 'application/json', 'content-length': 2 },
    'a stream that begins slowly': { 'content-type': 'text/csv', 'transfer-encoding': 'chunked' },
  };
  for (const [name, headers] of Object.entries(slowBodies)) {
    await t.test(`with ${name}`, async (t) => {
      let now = Date.now();
      const gateway = await before(t, echo, { clock: () => new Date(now) });
      const answer = Promise.withResolvers<IncomingMessage>();
      const request = httpRequest(`${gateway.url}/api/v1/open`, { method: 'POST', headers }, answer.resolve);
      request.on('error', answer.reject);
      request.flushHeaders();
      const admitted = /rate_limit_decisions_total\{.*outcome="allowed"/;
      await waitFor(async () => admitted.test(await gateway.metrics.expose()), { what: 'the head' });
      now += 45_000;
      request.end('{}');
      t.ok(isGood(await text(await answer.promise), now));
    });
  }

  await t.test('to a service that starts slowly', async (t) => {
    let now = Date.now();
    const settings = { patienceMs: 60_000, clock: () => new Date(now) };
    const gateway = await before(t, echo, settings);
    await stopServer(gateway.upstream.server);
    const answer = fetch(`${gateway.url}/api/v1/open`);
    const refused = /requests_total.*status="502".* [1-9]/;
    await waitFor(async () => refused.test(await gateway.metrics.expose()), { what: 'a refusal' });
    now += 45_000;
    await listen(t, asService(echo), Number(new URL(gateway.upstream.url).port));
    t.ok(isGood(await (await answer).text(), now));
  });
});

t.test('headers that only the gateway may say have no effect when a client sends them', async (t) => {
  const gateway = await before(t, echo);
  const answer = await call(gateway, '/api/v1/open', {
    headers: {
      'x-tributary-identity': 'forged',
      'X-Tributary-Over-Limit': 'true',
      'x-tributary-anything': 'x',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-user': 'root',
      'x-real-ip': '203.0.113.7',
      forwarded: 'for=203.0.113.7',
      cookie: 'visitor=1',
    },
  });
  const headers = answer.body['headers'] as Record<string, string>;
  t.not(headers['x-tributary-identity'], 'forged');
  t.equal(headers['x-forwarded-for'], '127.0.0.1');
  t.equal(headers['x-forwarded-host'], new URL(gateway.url).host);
  t.equal(headers['x-forwarded-proto'], 'http');
  for (const name of [
    'x-tributary-over-limit',
    'x-tributary-anything',
    'x-forwarded-user',
    'x-real-ip',
    'forwarded',
  ]) {
    t.notOk(name in headers, name);
  }
  t.equal(headers['cookie'], 'visitor=1', 'the click cookie is for the service');
});

t.test('credentials end at the gateway', async (t) => {
  const gateway = await before(t, echo);
  const token = accessToken();
  const answer = await call(gateway, '/api/v1/echo', { token });
  t.equal(answer.status, 200);
  t.notMatch(JSON.stringify(answer.body), token);
});

t.test('hop-by-hop headers end at the gateway, both ways', async (t) => {
  let seen: string[] = [];
  const gateway = await before(t, (request, response) => {
    seen = Object.keys(request.headers);
    response.writeHead(200, {
      'keep-alive': 'timeout=99',
      'x-hop': '1',
      'x-end': '1',
      connection: 'close, x-hop',
    });
    response.end('{}');
  });
  const answer = await sendRaw(
    gateway.url,
    'GET /api/v1/open HTTP/1.1\r\nhost: a\r\nconnection: close, x-mine, x-tributary-identity\r\nx-mine: 1\r\nte: trailers\r\n' +
      'proxy-authorization: Basic x\r\nupgrade: websocket\r\nx-yours: 1\r\n\r\n',
  );
  t.match(answer, /^HTTP\/1\.1 200/);
  t.ok(seen.includes('x-yours'));
  t.ok(seen.includes('x-tributary-identity'), 'a client cannot take away what the gateway says');
  for (const name of ['x-mine', 'te', 'proxy-authorization', 'upgrade']) t.notOk(seen.includes(name), name);
  t.match(answer, /x-end: 1/);
  t.notMatch(answer, /x-hop|timeout=99/i);
});

t.test('large bodies stream in both directions in constant memory', async (t) => {
  // Garbage that is collected late takes a hundred megabytes or more, whatever the size; a body that is kept takes all of it.
  const size = 384 * 1024 * 1024;
  const block = randomBytes(1024 * 1024);
  const gateway = await before(t, (request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    pipeline(request, response).catch(() => undefined);
  });
  const sent = createHash('sha256');
  const received = createHash('sha256');
  let bytes = 0;
  let peak = 0;
  const memoryBefore = process.memoryUsage().rss;
  await new Promise<void>((resolve, reject) => {
    const request = httpRequest(`${gateway.url}/api/v1/open`, { method: 'POST' }, (response) => {
      response.on('data', (chunk: Buffer) => {
        received.update(chunk);
        bytes += chunk.length;
        peak = Math.max(peak, process.memoryUsage().rss);
      });
      response.on('end', resolve);
      response.on('error', reject);
    });
    request.on('error', reject);
    async function* blocks() {
      for (let at = 0; at < size; at += block.length) {
        sent.update(block);
        yield block;
      }
    }
    pipeline(blocks, request).catch(reject);
  });
  t.equal(bytes, size);
  t.equal(received.digest('hex'), sent.digest('hex'));
  t.ok(peak - memoryBefore < size / 2, `memory grew by ${(peak - memoryBefore) / 1e6} MB`);
});

t.test('an early answer to an unfinished upload reaches the client', async (t) => {
  const gateway = await before(t, (_request, response) => {
    response.writeHead(413, { 'content-type': 'application/problem+json' });
    response.end('{"code":"BODY_TOO_LARGE"}');
  });
  const status = await new Promise<number>((resolve, reject) => {
    const request = httpRequest(
      `${gateway.url}/api/v1/open`,
      { method: 'POST', headers: { 'content-length': 50 * 1024 * 1024 } },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    request.on('error', reject);
    request.write(Buffer.alloc(256 * 1024));
    t.teardown(() => request.destroy());
  });
  t.equal(status, 413);
});

t.test('too much JSON is refused before a service sees it, whether its length is said or not', async (t) => {
  let requests = 0;
  const gateway = await before(t, (_request, response) => {
    requests += 1;
    response.end('{}');
  });
  const body = JSON.stringify({ text: 'x'.repeat(2 * 1024 * 1024) });
  const whole = await call(gateway, '/api/v1/open', { body });
  t.match(whole.body, { status: 413, code: 'BODY_TOO_LARGE' }, JSON.stringify(whole.body));
  const chunked = await new Promise<number>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
    const request = httpRequest(`${gateway.url}/api/v1/open`, { method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.write(body.slice(0, 1024 * 1024 + 10));
    t.teardown(() => request.destroy());
  });
  t.equal(chunked, 413);
  t.equal(requests, 0);
});

t.test('a client that leaves takes its request to the service along', async (t) => {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const gateway = await before(t, (request) => arrived.resolve(request));
  const request = httpRequest(`${gateway.url}/api/v1/open`);
  request.on('error', () => undefined);
  request.end();
  const upstreamRequest = await arrived.promise;
  request.destroy();
  await waitFor(() => upstreamRequest.destroyed, { what: 'the abort at the service' });
  t.ok(upstreamRequest.destroyed);
  const exposed = await waitFor(async () => (await gateway.metrics.expose()).match(/.*status="499".*/)?.[0]);
  t.match(exposed, /upstream_requests_total|upstream_request_duration/);
});

t.test('a service that is gone is a 502, one that hangs a 504, one that breaks off a 502', async (t) => {
  const impatient = await before(t, () => undefined, {
    upstream: { connections: 4, connectTimeoutMs: 5_000, headersTimeoutMs: 300, bodyTimeoutMs: 300 },
  });
  const hanging = await call(impatient, '/api/v1/open');
  t.match(hanging.body, { status: 504, code: 'UPSTREAM_TIMEOUT', success: false });
  const gateway = await before(t, (_request, response) => void response.socket?.destroy());
  const broken = await call(gateway, '/api/v1/open', { body: {} });
  t.match(broken.body, { status: 502, code: 'UPSTREAM_BROKEN' });
  await stopServer(gateway.upstream.server);
  const gone = await call(gateway, '/api/v1/open');
  t.match(gone.body, { status: 502, code: 'UPSTREAM_UNREACHABLE' });
  t.match(gone.headers.get('content-type'), 'application/problem+json');
  t.ok(gone.body['requestId']);
  t.notMatch(JSON.stringify(gone.body), /ECONN|127\.0\.0\.1/);
});

t.test('an answer that breaks off in the middle is cut off, not completed', async (t) => {
  const gateway = await before(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"half":');
    setImmediate(() => response.socket?.destroy());
  });
  await t.rejects(fetch(`${gateway.url}/api/v1/open`).then((response) => response.text()));
});

t.test('an answer that stands still in the middle is cut off', async (t) => {
  const gateway = await before(
    t,
    (_request, response) => void response.writeHead(200, { 'content-length': '1000' }).write('{"half":'),
    { upstream: { connections: 4, connectTimeoutMs: 500, headersTimeoutMs: 5_000, bodyTimeoutMs: 300 } },
  );
  await t.rejects(fetch(`${gateway.url}/api/v1/open`).then((response) => response.text()));
});

t.test('requests under way to a service are bounded', async (t) => {
  const held: ServerResponse[] = [];
  const gateway = await before(t, (_request, response) => held.push(response), { maxInFlight: 3 });
  const waiting = Array.from({ length: 3 }, () => call(gateway, '/api/v1/open'));
  await waitFor(() => held.length === 3);
  const refused = await call(gateway, '/api/v1/open');
  t.match(refused.body, { status: 503, code: 'GATEWAY_BUSY' });
  t.ok(refused.headers.get('retry-after'));
  for (const response of held) response.end('{}');
  t.strictSame(
    (await Promise.all(waiting)).map(({ status }) => status),
    [200, 200, 200],
  );
});

t.test('an unknown route is 503 while a service has not said its routes, then 404', async (t) => {
  let isUp = false;
  const upstream = await listen(t, (request, response) => {
    if (isUp) asService(echo)(request, response);
    else response.writeHead(503).end();
  });
  const gateway = await startGateway(t, { upstreams: { 'echo-service': upstream.url }, awaitRoutes: false });
  t.match((await call(gateway, '/api/v1/open')).body, { status: 503, code: 'SERVICE_STARTING' });
  isUp = true;
  await waitFor(() => gateway.gateway.table.missing.length === 0);
  t.equal((await call(gateway, '/api/v1/open')).status, 200);
  const paths = [
    '/api/v1/nothing',
    '/nothing',
    '/',
    '/api/v1/internal/openapi.json',
    '/internal/openapi.json',
    '/open',
  ];
  for (const path of paths)
    t.match((await call(gateway, path)).body, { status: 404, code: 'ROUTE_NOT_FOUND' }, path);
  t.match((await call(gateway, '/api/v1/open', { method: 'DELETE' })).body, { status: 404 });
});

t.test('paths that try to climb out match nothing they should not', async (t) => {
  const seen: string[] = [];
  const gateway = await before(t, (request, response) => {
    seen.push(request.url ?? '');
    response.end('{}');
  });
  const climbs = [
    '/api/v1/open/../internal/openapi.json',
    '/api/v1/%2e%2e/internal',
    '/r/../api/v1/echo',
    '//api/v1/open',
  ];
  for (const path of climbs) {
    const answer = await sendRaw(gateway.url, `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    t.match(answer, /^HTTP\/1\.1 (404|400|401)/, path);
  }
  t.strictSame(seen, []);
});

t.test('security headers stand on every answer', async (t) => {
  const gateway = await before(t, echo);
  for (const path of ['/api/v1/open', '/api/v1/nothing', '/health/live', '/openapi.json']) {
    const answer = await call(gateway, path);
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff', path);
    t.ok(answer.headers.get('x-request-id'), path);
  }
});
