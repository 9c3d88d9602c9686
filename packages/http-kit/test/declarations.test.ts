import t from 'tap';
import { z } from 'zod';
import { idParams, ok, success } from '../src/index.ts';
import { as, startApp } from './harness.ts';

const response = { 200: success(z.null()) };
const config = { operationId: 'x', summary: 'X', scope: 'operations:write' } as const;
const handler = async () => ok(null);

await t.test('an app does not start with a route that', async (t) => {
  await t.test('declares no scope, name or answer', async (t) => {
    const start = startApp(t, (app) => {
      app.route({ method: 'GET', url: '/x', handler: async () => ({}) });
    });
    await t.rejects(
      start,
      /operationId is missing.*summary is missing.*scope is missing.*response is missing/,
    );
  });

  const loose = {
    'takes unknown fields': z.object({ a: z.string() }),
    'takes them in a nested list': z.strictObject({ lines: z.array(z.object({})).optional() }),
    'takes them in one of several shapes': z.union([z.strictObject({ a: z.string() }), z.looseObject({})]),
    'takes them behind a default': z.strictObject({ a: z.object({}).default({}) }),
  };
  for (const [fault, body] of Object.entries(loose)) {
    await t.test(fault, async (t) => {
      const start = startApp(t, (app) => {
        app.route({ method: 'POST', url: '/x', schema: { body, response }, config, handler });
      });
      await t.rejects(start, /takes unknown fields/);
    });
  }

  await t.test('uses the name of another', async (t) => {
    const start = startApp(t, (app) => {
      app.route({ method: 'POST', url: '/x', schema: { response }, config, handler });
      app.route({ method: 'POST', url: '/y', schema: { response }, config, handler });
    });
    await t.rejects(start, /operationId x is taken/);
  });

  await t.test('leaves a part of its path unchecked', async (t) => {
    const start = startApp(t, (app) => {
      app.route({ method: 'POST', url: '/x/:id', schema: { response }, config, handler });
    });
    await t.rejects(start, /params is missing/);
  });
});

await t.test('records, strict objects and typed catch-alls are accepted', async (t) => {
  const body = z.strictObject({
    metadata: z.record(z.string(), z.unknown()).optional(),
    query: z.object({ to: z.string() }).catchall(z.string()),
  });
  await t.resolves(
    startApp(t, (app) => {
      app.route({ method: 'POST', url: '/x', schema: { body, response }, config, handler });
    }),
  );
});

interface Operation {
  readonly responses: Record<string, { content: Record<string, { schema: unknown }> }>;
  readonly requestBody?: unknown;
  readonly parameters: readonly { name: string }[];
}

await t.test('the OpenAPI document says what a route declares', async (t) => {
  const { app } = await startApp(t, (app) => {
    const errors = [{ code: 'THING_NOT_FOUND', status: 404, title: 'No thing' }];
    app.route({
      method: 'POST',
      url: '/things/:id',
      schema: { params: idParams, response },
      config: { ...config, errors, partnerAccess: 'own' },
      handler,
    });
  });
  const answer = await app.inject({ url: '/internal/openapi.json' });
  t.equal(answer.statusCode, 200, 'without an identity');
  const document = answer.json<{ openapi: string; paths: Record<string, { post: Operation }> }>();
  t.equal(document.openapi, '3.1.0');
  t.same(Object.keys(document.paths), ['/things/{id}'], 'internal routes are left out');
  const operation = document.paths['/things/{id}']?.post;
  t.match(operation, {
    operationId: 'x',
    summary: 'X',
    'x-service': 'things-service',
    'x-required-scope': 'operations:write',
    'x-partner-access': 'own',
    'x-rate-class': 'caller',
    security: [{ bearerAuth: [] }],
  });
  t.same(Object.keys(operation?.responses ?? {}), [
    '200',
    '400',
    '401',
    '403',
    '404',
    '409',
    '413',
    '415',
    '422',
    '429',
    '500',
    '503',
  ]);
  t.match(JSON.stringify(operation?.responses['404']), /THING_NOT_FOUND/);
  t.same(
    operation?.parameters.map(({ name }) => name),
    ['id', 'Idempotency-Key'],
  );
  t.equal(operation?.requestBody, undefined);
  t.match(document, { 'x-problem-codes': { IDEMPOTENCY_KEY_REUSED: { status: 422 } } });
});

await t.test('requests are counted and timed by the pattern of their route', async (t) => {
  const { app } = await startApp(t, (app) => {
    app.route({
      method: 'POST',
      url: '/things/:id',
      schema: { params: idParams, response },
      config,
      handler,
    });
  });
  const id = '0190e0a0-0000-7000-8000-000000000000';
  await app.inject({ method: 'POST', url: `/things/${id}?`, headers: as() });
  await app.inject({ method: 'GET', url: '/wp-login.php' });
  await app.inject({ method: 'GET', url: '/health/ready' });
  const { body } = await app.inject({ url: '/metrics' });
  t.match(
    body,
    /http_requests_total\{method="POST",path="\/things\/:id",status="200",service="things-service"\} 1/,
  );
  t.match(
    body,
    /http_requests_total\{method="GET",path="unmatched",status="404",service="things-service"\} 1/,
  );
  t.match(body, /http_request_duration_seconds_count\{.*path="\/things\/:id".*\} 1/);
  t.notMatch(body, /wp-login|health/);
});

await t.test('readiness follows the health of the process', async (t) => {
  const { app, health } = await startApp(t, () => undefined);
  const ready = await app.inject({ url: '/health/ready' });
  t.same([ready.statusCode, ready.json<{ status: string }>().status], [200, 'ok']);
  t.notOk('x-tributary-draining' in ready.headers);
  await health.drain();
  const draining = await app.inject({ url: '/health/ready' });
  t.equal(draining.statusCode, 503);
  t.match(
    draining.headers,
    { connection: 'close', 'x-tributary-draining': 'true' },
    'while the port is open',
  );
  t.equal((await app.inject({ url: '/health/live' })).statusCode, 200);
});
