import { insertCommission } from '@tributary/testkit';
import * as fc from 'fast-check';
import t, { type Test } from 'tap';

import { clientOf, dataOf } from '../api-client.ts';
import {
  type ApiDocument,
  fixedValue,
  type Route,
  routesOf,
  validObject,
  wrongText,
  wrongValue,
} from '../bad-input.ts';
import { answerChecker, type WireAnswer } from '../documented-answers.ts';
import { type GeneratedRequest, type KnownIds, requestsFor } from '../generated-requests.ts';
import { HOSTILE_BODIES, HOSTILE_QUERIES, HOSTILE_SEGMENTS, LEAKS } from '../hostile-input.ts';
import { startPlatform } from '../platform.ts';
import { faultsAmong, jsonBody, wireClient, type WireRequest } from '../wire-client.ts';

/** `npm run drill -- generated-requests` sends many more, from another seed each time. */
const GENERATED = Number(process.env['GENERATED_REQUESTS'] ?? 400);
const SEED = Number(process.env['GENERATED_SEED'] ?? 20_261_122);
const PER_BATCH = 100;
const UNKNOWN = 'noSuchField';

const platform = await startPlatform(t);
const document: ApiDocument = JSON.parse(await (await fetch(`${platform.gatewayUrl}/openapi.json`)).text());
const all = routesOf(document).filter(({ method }) => method !== 'HEAD');
const routes = all.filter(({ template }) => template.startsWith('/api/v1/'));
const withBody = routes.filter(({ bodies }) => bodies.length > 0);
const shapes = withBody.flatMap((route) => route.bodies.map((shape) => ({ route, shape })));
const { accessToken } = await dataOf(clientOf(platform)('POST', '/auth/login', { body: platform.admin }));
const send = wireClient(t, platform.gatewayUrl, accessToken);
const faultIn = answerChecker(document);
const about = ({ method, template }: Route): string => `${method} ${template}`;

function validBody({ bodies: [shape] }: Route): Pick<WireRequest, 'body'> {
  return shape === undefined ? {} : { body: jsonBody(validObject(shape)) };
}

/** A 400 as documented, which names these fields, themselves or something inside. */
async function assertRefused(
  t: Test,
  route: Route,
  request: Partial<WireRequest>,
  fields: readonly string[],
) {
  const answer = await send({ method: route.method, path: route.path, ...request });
  const what = about(route);
  t.equal(faultIn(route.method, route.template, answer), undefined, what);
  const { code, errors = [] } = JSON.parse(answer.text);
  t.match({ status: answer.status, code }, { status: 400, code: 'VALIDATION_ERROR' }, what);
  const paths: string[] = errors.map(({ path }: { path: string }) => path);
  const unnamed = fields.filter(
    (field) => !paths.some((path) => path === field || path.startsWith(`${field}.`)),
  );
  t.same(unnamed, [], `${what} names every wrong field`);
}

/** What is wrong with an answer to nonsense; undefined when it is a 4xx problem, or a success, without a leak. */
function leakIn({ status, type, text }: WireAnswer, mayWork: boolean): string | undefined {
  if (status >= 500) return `it is a ${status}: ${text.slice(0, 300)}`;
  if (status < 400 && !mayWork) return `it worked: ${status}`;
  const isProblem = type.startsWith('application/problem+json') || type.startsWith('text/html');
  if (status >= 400 && text !== '' && !isProblem) return `${status} is ${type}`;
  return LEAKS.test(text) ? `it leaks: ${text.slice(0, 300)}` : undefined;
}

const leaksAmong = (requests: readonly WireRequest[], mayWork: (sent: WireRequest) => boolean) =>
  faultsAmong(requests, async (sent) => {
    const answer = await send(sent).catch((error: unknown) => String(error));
    const fault = typeof answer === 'string' ? answer : leakIn(answer, mayWork(sent));
    if (fault === undefined) return undefined;
    const body =
      sent.body === undefined ? '' : ` ${sent.body.type} ${sent.body.bytes.toString('latin1', 0, 60)}`;
    return `${sent.method} ${sent.path.slice(0, 120)}${body}: ${fault}`;
  });

/** A list of what happened to something: nothing, for what never was. */
const isTrail = ({ path }: WireRequest): boolean => path.includes('/audit-trail/');
/** Any text may be searched for. */
const isSearch = ({ path }: WireRequest): boolean => path.includes('?search=');
/** A job without parameters is run without a body. */
const isRun = ({ path }: WireRequest): boolean => path.endsWith('/run');
/** The session of the access token ends, whether the body says anything or not. */
const isLogout = ({ path }: WireRequest): boolean => path.endsWith('/auth/logout');

t.test('the document tells of the whole API', async (t) => {
  t.ok(routes.length > 70, `${routes.length} operations`);
  t.ok(withBody.length > 25, `${withBody.length} of them with a body`);
  const link = all.find(({ template }) => template === '/r/{referralCode}');
  t.same(
    link?.query.map(({ name }) => name),
    ['to', 'subId', 'utm_source', 'utm_medium', 'utm_campaign'],
  );
});

t.test('a body with every field wrong and one unknown: a 400 that names each', async (t) => {
  for (const { route, shape } of shapes) {
    const wrong = Object.entries(shape.properties ?? {}).flatMap(([name, schema]) => {
      const value = wrongValue(schema);
      return value === undefined ? [] : [[name, value]];
    });
    const faults = { ...Object.fromEntries(wrong), [UNKNOWN]: 1 };
    await assertRefused(
      t,
      route,
      { body: jsonBody({ ...validObject(shape), ...faults }) },
      Object.keys(faults),
    );
  }
});

t.test('an empty body: a 400 that names what is missing', async (t) => {
  for (const { route, shape } of shapes.filter(({ shape }) => (shape.required ?? []).length > 0)) {
    const { properties = {}, required = [] } = shape;
    const decisive = required.filter((name) => fixedValue(properties[name]) !== undefined);
    const body = Object.fromEntries(decisive.map((name) => [name, fixedValue(properties[name])]));
    const missing = required.filter((name) => !decisive.includes(name));
    await assertRefused(t, route, { body: jsonBody(body) }, missing);
  }
});

t.test('a query with every parameter wrong and one unknown: a 400 that names each', async (t) => {
  for (const route of routes) {
    const wrong = route.query.flatMap(({ name, schema }) => {
      const text = wrongText(schema);
      return text === undefined ? [] : [[name, text] as const];
    });
    const query = new URLSearchParams(Object.fromEntries([...wrong, [UNKNOWN, '1']]));
    const path = `${route.path}?${query.toString()}`;
    await assertRefused(t, route, { ...validBody(route), path }, [...query.keys()]);
  }
});

t.test('an id that is none: a 400 that names it', async (t) => {
  for (const route of routes) {
    for (const { name } of route.pathParameters.filter(({ schema }) => schema.format === 'uuid')) {
      const path = route.template.replace(`{${name}}`, 'not-an-id').replaceAll(/\{\w+\}/g, 'commission');
      await assertRefused(t, route, { ...validBody(route), path }, [name]);
    }
  }
});

t.test('nonsense in a path is a 4xx problem on every route', async (t) => {
  const requests = all
    .filter(({ pathParameters }) => pathParameters.length > 0)
    .flatMap(({ method, template }) =>
      HOSTILE_SEGMENTS.map((segment) => ({ method, path: template.replaceAll(/\{[^}]+\}/g, () => segment) })),
    );
  t.same(await leaksAmong(requests, isTrail), []);
  t.ok(requests.length > 500);
});

t.test('nonsense in a query is refused or without effect, never an error of ours', async (t) => {
  const requests = routes
    .filter(({ method }) => method === 'GET')
    .flatMap(({ method, path }) => HOSTILE_QUERIES.map((query) => ({ method, path: `${path}?${query}` })));
  t.same(await leaksAmong(requests, isSearch), []);
});

t.test('nonsense in a body is a 4xx problem on every route; of another kind, a 415', async (t) => {
  const writing = routes.filter(({ method }) => method === 'POST' || method === 'PATCH');
  const requests = writing.flatMap(({ method, path }) =>
    HOSTILE_BODIES.map((body) => ({ method, path, body })),
  );
  t.same(await leaksAmong(requests, (sent) => isLogout(sent) || isRun(sent)), []);
  t.ok(requests.length > 500);
  const body = { type: 'application/xml', bytes: Buffer.from('<order/>') };
  for (const { method, path } of withBody) t.equal((await send({ method, path, body })).status, 415, path);
});

t.test('what no service declared is a 404', async (t) => {
  const unknown = ['/api/v1/nothing', '/api/v1/', '/api/v1/operations', '/api/v1/users/1/2/3', '/nothing'];
  const inner = ['/internal/openapi.json', '/api/v2/users', '/api/v1/../internal/openapi.json'];
  for (const path of [...unknown, ...inner]) t.equal((await send({ method: 'GET', path })).status, 404, path);
  for (const { template, path } of routes) {
    const declared = new Set(
      routes.filter((route) => route.template === template).map(({ method }) => method),
    );
    const method = ['PUT', 'DELETE', 'PATCH'].find((candidate) => !declared.has(candidate)) ?? 'PUT';
    const { status, text } = await send({ method, path });
    t.match(
      { status, ...JSON.parse(text) },
      { status: 404, code: 'ROUTE_NOT_FOUND' },
      `${method} ${template}`,
    );
  }
});

/** Something of everything, so that generated requests find what they ask for. */
async function makeProgramme(): Promise<KnownIds> {
  const call = clientOf(platform, accessToken);
  const money = { currency: 'USD', price: 50 };
  const product = await dataOf(
    call('POST', '/products', { body: { sku: 'S-1', name: 'Lamp', ...money } }),
    201,
  );
  const body = { code: 'all', name: 'Everything', type: 'percentage', rate: 10 };
  const policy = await dataOf(call('POST', '/policies', { body }), 201);
  const owned = { partnerId: platform.partnerId };
  const commissions = await Promise.all(
    (['pending', 'confirmed', 'paid', 'cancelled'] as const).flatMap((status) =>
      Array.from({ length: 10 }, () => insertCommission(platform.owner, { ...owned, status })),
    ),
  );
  return new Map([
    ['partners', [platform.partnerId]],
    ['products', [product.id]],
    ['policies', [policy.id]],
    ['commissions', commissions.map(({ id }) => id)],
    ['conversions', commissions.flatMap(({ conversionId }) => conversionId ?? [])],
  ]);
}

/** What was made can be asked for from then on. */
function remember(known: KnownIds, { template }: Route, { status, text }: WireAnswer): void {
  if (status !== 201 && status !== 202) return;
  const resource = status === 202 ? 'jobs' : (template.split('/').at(-1) ?? '');
  const { id } = JSON.parse(text).data;
  if (typeof id === 'string') known.set(resource, [...(known.get(resource) ?? []), id].slice(-50));
}

t.test(`${GENERATED} generated requests: no 5xx, and every answer is as documented`, async (t) => {
  const known = await makeProgramme();
  const requests = requestsFor(all, known);
  const statuses = new Map<string, number>();
  const ask = async ({ route, path, headers, body }: GeneratedRequest): Promise<string | undefined> => {
    const { method, template } = route;
    const sent = {
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body: jsonBody(JSON.stringify(body)) }),
    };
    const answer = await send(sent);
    const kind = `${Math.floor(answer.status / 100)}xx`;
    statuses.set(kind, (statuses.get(kind) ?? 0) + 1);
    remember(known, route, answer);
    const fault = answer.status >= 500 ? `it is a ${answer.status}` : faultIn(method, template, answer);
    return fault && `${method} ${path.slice(0, 200)} ${JSON.stringify(body)?.slice(0, 300)}: ${fault}`;
  };
  for (let sent = 0; sent < GENERATED; sent += PER_BATCH) {
    const batch = fc.sample(requests, { seed: SEED + sent, numRuns: Math.min(PER_BATCH, GENERATED - sent) });
    t.same(await faultsAmong(batch, ask), [], `seed ${SEED + sent}`);
  }
  t.comment(`seed ${SEED}: ${JSON.stringify(Object.fromEntries(statuses))}`);
  t.ok((statuses.get('2xx') ?? 0) > GENERATED / 10, 'enough of it was allowed');
});

t.test('no service called any of it an error', async (t) => {
  t.same(await platform.errors(), []);
});
