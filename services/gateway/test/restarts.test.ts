import { waitFor } from '@tributary/testkit';
import t from 'tap';
import { accessToken, asService, before, call, echo, listen, stopServer } from './gateway-under-test.ts';

t.test('a read is repeated once on a connection that died, a write is not', async (t) => {
  let requests = 0;
  const gateway = await before(t, (_request, response) => {
    requests += 1;
    if (requests === 1) response.socket?.destroy();
    else response.end('{}');
  });
  t.equal((await call(gateway, '/api/v1/open')).status, 200);
  t.equal(requests, 2);
  requests = 0;
  t.equal((await call(gateway, '/api/v1/open', { body: {} })).status, 502);
  t.equal(requests, 1);
});

t.test('a write with a key is repeated once where the key is known again, and nowhere else', async (t) => {
  const bodies: string[] = [];
  const gateway = await before(t, (request, response) => {
    bodies.push(`${request.url} ${String(request.headers['idempotency-key'])}`);
    if (bodies.length === 1) response.socket?.destroy();
    else response.end('{}');
  });
  const headers = { 'idempotency-key': 'once' };
  const token = accessToken();
  t.equal((await call(gateway, '/api/v1/echo', { token, headers, body: { x: 1 } })).status, 200);
  t.same(bodies, ['/echo once', '/echo once']);
  bodies.length = 0;
  t.equal((await call(gateway, '/api/v1/echo', { token, body: {} })).status, 502, 'it has no key');
  bodies.length = 0;
  t.equal((await call(gateway, '/api/v1/open', { headers, body: {} })).status, 502, 'the route takes none');
  t.equal(bodies.length, 1);
});

t.test('a write that cannot be repeated waits while its service is about to end', async (t) => {
  const seen: string[] = [];
  let time = Date.now();
  const gateway = await before(
    t,
    (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(200, { 'x-tributary-draining': 'true', connection: 'close' }).end('{}');
    },
    { patienceMs: 60_000, clock: () => new Date(time) },
  );
  const told = await call(gateway, '/api/v1/open');
  t.notOk(told.headers.has('x-tributary-draining'), 'it is said to the gateway alone');
  const write = call(gateway, '/api/v1/open', { body: {} });
  const token = accessToken();
  await call(gateway, '/api/v1/echo', { token, headers: { 'idempotency-key': 'k' }, body: {} });
  await call(gateway, '/api/v1/open?again');
  t.same(seen, ['GET /open', 'POST /echo', 'GET /open?again'], 'what can be repeated does not wait');
  time += 5_000;
  t.equal((await write).status, 200);
  t.equal(seen.at(-1), 'POST /open');
});

t.test('requests that wait for a service are bounded as those under way are', async (t) => {
  const gateway = await before(t, echo, { patienceMs: 60_000, maxInFlight: 3 });
  const { port } = new URL(gateway.upstream.url);
  await stopServer(gateway.upstream.server);
  const waiting = Array.from({ length: 3 }, () => call(gateway, '/api/v1/open'));
  await waitFor(async () => /requests_total.*status="502".* [3-9]/.test(await gateway.metrics.expose()), {
    what: 'three refused connections',
  });
  t.match((await call(gateway, '/api/v1/open')).body, { status: 503, code: 'GATEWAY_BUSY' });
  await listen(t, asService(echo), Number(port));
  t.same(
    (await Promise.all(waiting)).map(({ status }) => status),
    [200, 200, 200],
  );
});

t.test('requests wait for a service that is just being started again', async (t) => {
  const gateway = await before(t, echo, { patienceMs: 5_000 });
  const { port } = new URL(gateway.upstream.url);
  await stopServer(gateway.upstream.server);
  const waiting = [call(gateway, '/api/v1/open'), call(gateway, '/api/v1/open', { body: { x: 1 } })];
  await waitFor(async () => /status="502"/.test(await gateway.metrics.expose()), {
    what: 'a refused connection',
  });
  await listen(t, asService(echo), Number(port));
  const answers = await Promise.all(waiting);
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200],
  );
  t.equal(answers[1]?.body['body'], '{"x":1}');
});
