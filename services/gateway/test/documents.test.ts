import t from 'tap';
import { asService, call, ECHO_DOCUMENT, echo, listen, startGateway } from './gateway-under-test.ts';

type Json = Record<string, unknown>;

const keyed = (kind: string, values: Json): Json =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`#/components/${kind}/${name}`, value]));

const upstream = await listen(t, asService(echo));
const other = await listen(
  t,
  asService(echo, {
    ...ECHO_DOCUMENT,
    paths: {
      '/other': {
        get: {
          operationId: 'other',
          summary: 'other',
          'x-required-scope': 'public',
          responses: { 200: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
    components: { schemas: { Problem: { type: 'object', description: 'of the other service' } } },
  }),
);
const gateway = await startGateway(t, {
  upstreams: { 'echo-service': upstream.url, 'other-service': other.url },
  metricsToken: 'metrics-token',
});

t.test(
  'one document holds the routes of all services and the gateway’s own, as the outside sees them',
  async (t) => {
    const { body } = await call(gateway, '/openapi.json');
    t.match(body, { openapi: '3.1.0', info: { title: 'Tributary' } });
    const paths = Object.keys(body['paths'] as Json);
    for (const path of [
      '/api/v1/echo/{id}',
      '/api/v1/other',
      '/r/{referralCode}',
      '/api/v1/auth/login',
      '/api/v1/users/{id}',
    ]) {
      t.ok(paths.includes(path), path);
    }
    t.match((body['components'] as Json)['securitySchemes'], {
      bearerAuth: { type: 'http', scheme: 'bearer' },
    });
  },
);

t.test(
  'every reference in it leads somewhere, also where services use one name for two things',
  async (t) => {
    const { body } = await call(gateway, '/openapi.json');
    const { schemas, examples } = body['components'] as {
      schemas: Record<string, { description?: string }>;
      examples: Json;
    };
    const named = { ...keyed('schemas', schemas), ...keyed('examples', examples) };
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, target]) => target ?? '',
    );
    t.ok(references.length > 0);
    for (const reference of new Set(references)) {
      t.ok(reference in named, reference);
    }
    const descriptions = new Set(Object.values(schemas).map(({ description }) => description));
    t.ok(descriptions.has('of the other service') && descriptions.has('of the echo service'));
  },
);

t.test('every operation has an id of its own, a summary and a scope', async (t) => {
  const { body } = await call(gateway, '/openapi.json');
  const operations = Object.values(body['paths'] as Record<string, Record<string, Json>>).flatMap((item) =>
    Object.values(item),
  );
  const ids = operations.map((operation) => operation['operationId']);
  t.equal(new Set(ids).size, ids.length);
  for (const operation of operations)
    t.ok(operation['summary'] && operation['x-required-scope'], String(operation['operationId']));
});

t.test('the page at /docs comes from here alone', async (t) => {
  const page = await fetch(`${gateway.url}/docs`);
  t.equal(page.status, 200);
  const html = await page.text();
  t.match(html, /js\/scalar\.js/);
  t.notMatch(html, /src="https?:/);
  t.match(page.headers.get('content-security-policy'), "connect-src 'self'");
  const script = await fetch(`${gateway.url}/docs/js/scalar.js`);
  t.match(script.headers.get('content-type'), 'javascript');
  t.ok((await script.text()).length > 100_000);
});

t.test('metrics ask for their token and count by pattern', async (t) => {
  t.match((await call(gateway, '/api/v1/metrics')).body, { status: 401, code: 'UNAUTHENTICATED' });
  t.equal((await call(gateway, '/api/v1/metrics', { token: 'wrong' })).status, 401);
  await call(gateway, '/api/v1/open');
  await call(gateway, '/api/v1/echo/123', { token: 'wrong' });
  await call(gateway, '/api/v1/nothing/456');
  const response = await fetch(`${gateway.url}/api/v1/metrics`, {
    headers: { authorization: 'Bearer metrics-token' },
  });
  const text = await response.text();
  t.match(text, /http_requests_total\{[^}]*path="\/api\/v1\/open"[^}]*status="200"[^}]*\} 1/);
  t.match(text, /http_requests_total\{[^}]*path="\/api\/v1\/echo\/:id"[^}]*status="401"/);
  t.match(text, /http_requests_total\{[^}]*path="unmatched"[^}]*status="404"/);
  t.match(text, /rate_limit_decisions_total\{[^}]*limiter="public"[^}]*outcome="allowed"/);
  t.notMatch(text, /nothing/);
});
