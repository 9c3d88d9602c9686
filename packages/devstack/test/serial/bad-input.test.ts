import t, { type Test } from 'tap';

import { type Answer, clientOf } from '../api-client.ts';
import {
  type ApiDocument,
  fixedValue,
  hostileScalars,
  hostileValues,
  type Route,
  routesOf,
  validObject,
  wrongText,
  wrongValue,
} from '../bad-input.ts';
import { startPlatform } from '../platform.ts';

const UNKNOWN = 'noSuchField';
const AT_ONCE = 8;

const platform = await startPlatform(t);
const document: ApiDocument = JSON.parse(await (await fetch(`${platform.gatewayUrl}/openapi.json`)).text());
const routes = routesOf(document).filter(({ template }) => template.startsWith('/api/v1/'));
const withBody = routes.filter(({ bodies }) => bodies.length > 0);
const call = clientOf(platform, platform.apiKey);

/** Each shape of each body. */
const shapesOf = (route: Route) => route.bodies.map((shape) => ({ route, shape }));
const shapes = withBody.flatMap(shapesOf);

function validBody({ bodies: [shape] }: Route): { body?: object } {
  return shape === undefined ? {} : { body: validObject(shape) };
}

const about = ({ method, template }: Route): string => `${method} ${template}`;

const send = (
  { method, path }: Route,
  {
    body,
    query = '',
    headers = {},
  }: { body?: unknown; query?: string; headers?: Record<string, string> } = {},
): Promise<Answer> =>
  call(method, `${path.slice('/api/v1'.length)}${query}`, {
    headers,
    ...(body === undefined ? {} : { body }),
  });

/** Of these fields those that the problem does not name, itself or something inside. */
function unnamed({ body }: Answer, fields: readonly string[]): string[] {
  const paths: string[] = (body.errors ?? []).map(({ path }: { path: string }) => path);
  return fields.filter((field) => !paths.some((path) => path === field || path.startsWith(`${field}.`)));
}

function assertRefused(t: Test, what: string, answer: Answer, fields: readonly string[]): void {
  t.match(answer.body, { success: false, status: 400, code: 'VALIDATION_ERROR' }, what);
  t.match(answer.headers.get('content-type'), /^application\/problem\+json/, what);
  t.same(unnamed(answer, fields), [], `${what} names every wrong field`);
}

t.test('the document tells of the whole API', async (t) => {
  t.ok(routes.length > 70, `${routes.length} operations`);
  t.ok(withBody.length > 25, `${withBody.length} of them with a body`);
  const link = routesOf(document).find(({ template }) => template === '/r/{referralCode}');
  const accepted = ['to', 'subId', 'utm_source', 'utm_medium', 'utm_campaign'];
  t.same(
    link?.query.map(({ name }) => name),
    accepted,
  );
});

t.test('a body with every field wrong and one unknown: a 400 that names each', async (t) => {
  for (const { route, shape } of shapes) {
    const wrong = Object.entries(shape.properties ?? {}).flatMap(([name, schema]) => {
      const value = wrongValue(schema);
      return value === undefined ? [] : [[name, value]];
    });
    const faults = { ...Object.fromEntries(wrong), [UNKNOWN]: 1 };
    const body = { ...validObject(shape), ...faults };
    assertRefused(t, about(route), await send(route, { body }), Object.keys(faults));
  }
});

t.test('an empty body: a 400 that names what is missing', async (t) => {
  for (const { route, shape } of shapes.filter(({ shape }) => (shape.required ?? []).length > 0)) {
    const { properties = {}, required = [] } = shape;
    const decisive = required.filter((name) => fixedValue(properties[name]) !== undefined);
    const body = Object.fromEntries(decisive.map((name) => [name, fixedValue(properties[name])]));
    const missing = required.filter((name) => !decisive.includes(name));
    assertRefused(t, about(route), await send(route, { body }), missing);
  }
});

t.test('a body that is no JSON object: a 400; of another kind: a 415', async (t) => {
  for (const route of withBody) {
    for (const body of ['{', '[]', '"text"', '7', ...(route.mayBeEmpty ? [] : ['null'])])
      t.match((await send(route, { body })).body, { status: 400, success: false }, `${about(route)} ${body}`);
    const xml = await send(route, { body: '<order/>', headers: { 'content-type': 'application/xml' } });
    t.match(xml.body, { status: 415, success: false }, about(route));
  }
});

t.test('a query with every parameter wrong and one unknown: a 400 that names each', async (t) => {
  for (const route of routes) {
    const wrong = route.query.flatMap(({ name, schema }) => {
      const text = wrongText(schema);
      return text === undefined ? [] : [[name, text] as const];
    });
    const query = new URLSearchParams(Object.fromEntries([...wrong, [UNKNOWN, '1']]));
    const body = validBody(route);
    const answer = await send(route, { ...body, query: `?${query.toString()}` });
    assertRefused(t, about(route), answer, [...query.keys()]);
  }
});

t.test('an id that is none: a 400 that names it', async (t) => {
  for (const route of routes) {
    for (const { name, schema } of route.pathParameters.filter(({ schema }) => schema.format === 'uuid')) {
      const path = route.template.replace(`{${name}}`, 'not-an-id').replaceAll(/\{\w+\}/g, 'commission');
      const body = validBody(route);
      assertRefused(t, about(route), await send({ ...route, path }, body), [name]);
      t.equal(schema.format, 'uuid');
    }
  }
});

t.test('whatever a field or parameter holds, no answer is a 5xx', async (t) => {
  const cases = routes.flatMap((route) => [
    ...shapesOf(route).flatMap(({ shape }) =>
      Object.entries(shape.properties ?? {}).flatMap(([name, schema]) =>
        hostileValues(schema).map((value) => ({
          route,
          name,
          body: { ...validObject(shape), [name]: value },
        })),
      ),
    ),
    ...route.query.flatMap(({ name, schema }) =>
      hostileScalars(schema)
        .filter((value) => String(value).length < 1_000)
        .map((value) => ({
          route,
          name,
          query: `?${name}=${encodeURIComponent(String(value).toWellFormed())}`,
        })),
    ),
  ]);
  t.ok(cases.length > 1_000, `${cases.length} cases`);
  const waiting = cases.values();
  const failed: string[] = [];
  const lane = async (): Promise<void> => {
    for (const { route, name, ...request } of waiting) {
      const { status, body } = await send(route, request);
      if (status >= 500)
        failed.push(
          `${about(route)} ${name} ${JSON.stringify(request).slice(0, 200)}: ${JSON.stringify(body)}`,
        );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  t.same(failed, []);
});

t.test('what no service declared is a 404', async (t) => {
  const unknown = {
    method: 'GET',
    template: '',
    pathParameters: [],
    query: [],
    bodies: [],
    mayBeEmpty: false,
  };
  for (const path of ['/api/v1/nothing', '/api/v1/', '/api/v1/operations', '/api/v1/users/1/2/3'])
    t.match((await send({ ...unknown, path })).body, { status: 404, code: 'ROUTE_NOT_FOUND' }, path);
  for (const path of [
    '/nothing',
    '/internal/openapi.json',
    '/api/v2/users',
    '/api/v1/../internal/openapi.json',
  ])
    t.equal((await fetch(`${platform.gatewayUrl}${path}`)).status, 404, path);
  for (const { template, path } of routes) {
    const declared = new Set(
      routes.filter((route) => route.template === template).map(({ method }) => method),
    );
    const method = ['PUT', 'DELETE', 'PATCH'].find((candidate) => !declared.has(candidate)) ?? 'PUT';
    t.match(
      (await send({ ...unknown, method, path })).body,
      { status: 404, code: 'ROUTE_NOT_FOUND' },
      `${method} ${template}`,
    );
  }
});

t.test('nothing of all this was an error to any service', async (t) => {
  t.same(await platform.errors(), []);
});
