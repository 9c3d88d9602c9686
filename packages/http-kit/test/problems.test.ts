import { request as httpRequest } from 'node:http';
import t from 'tap';
import { z } from 'zod';
import {
  AppError,
  defineErrors,
  idParams,
  money,
  ok,
  pageQuery,
  positiveMoney,
  reasonFields,
  success,
  toProblem,
  validationError,
} from '../src/index.ts';
import type { Problem, ServiceApp } from '../src/index.ts';
import { as, startApp } from './harness.ts';

const id = '0190e0a0-0000-7000-8000-000000000000';
const errors = defineErrors({ THING_PAID: { status: 409, title: 'The thing is paid' } });

function routes(app: ServiceApp): void {
  app.route({
    method: 'POST',
    url: '/things/:id/adjust',
    bodyLimit: 2_000,
    schema: {
      params: idParams,
      querystring: z.strictObject({ ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }) }),
      body: z.strictObject({
        newAmount: money,
        lines: z.array(z.strictObject({ amount: positiveMoney })).optional(),
        ...reasonFields,
      }),
      response: { 200: success(z.object({ reason: z.string() })) },
    },
    config: { operationId: 'adjustThing', summary: 'Adjust a thing', scope: 'operations:write' },
    handler: async ({ body }) => {
      if (body.reason === 'throw') throw new Error('secret internals: postgres://u:p@h/db');
      if (body.reason === 'paid') {
        throw new AppError(errors.THING_PAID, 'A paid thing never changes', {
          members: { currentStatus: 'paid', allowedStatuses: ['pending'] },
        });
      }
      return ok({ reason: body.reason });
    },
  });
  app.route({
    method: 'POST',
    url: '/nothing',
    schema: { response: { 200: success(z.null()) } },
    config: { operationId: 'doNothing', summary: 'Take nothing', scope: 'operations:write' },
    handler: async () => ok(null),
  });
}

async function post(app: ServiceApp, payload: string | object, url = `/things/${id}/adjust`) {
  const answer = await app.inject({
    method: 'POST',
    url,
    headers: { ...as(), 'content-type': 'application/json', 'x-request-id': 'req-1' },
    payload,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Problem>() };
}

await t.test('a wrong request', async (t) => {
  const { app, logLines } = await startApp(t, routes);

  await t.test('is told every wrong field of path, body and query, unknown ones included', async (t) => {
    const payload = { newAmount: 1.005, reason: ' ', colour: 'red', lines: [{ amount: 0, extra: 1 }] };
    const { status, headers, body } = await post(app, payload, '/things/x/adjust?limit=101&foo=1');
    t.equal(status, 400);
    t.equal(headers['content-type'], 'application/problem+json; charset=utf-8');
    t.equal(body.code, 'VALIDATION_ERROR');
    t.same(
      body.errors?.map(({ path }) => path).sort(),
      ['colour', 'foo', 'id', 'limit', 'lines.0.amount', 'lines.0.extra', 'newAmount', 'reason'].sort(),
    );
    t.same(
      { success: body.success, status: body.status, type: body.type, requestId: body.requestId },
      { success: false, status: 400, type: 'urn:tributary:problem:validation-error', requestId: 'req-1' },
    );
  });

  await t.test('with U+0000 or half a surrogate pair is refused before Postgres sees it', async (t) => {
    const inBody = await post(app, String.raw`{"newAmount":1,"reason":"a\u0000b"}`);
    t.same([inBody.status, inBody.body.errors?.[0]?.path], [400, 'reason']);
    const broken = await post(app, String.raw`{"newAmount":1,"reason":"\ud800"}`);
    t.equal(broken.status, 400);
    const inKey = await post(app, String.raw`{"newAmount":1,"reason":"x","\u0000":1}`);
    t.equal(inKey.status, 400);
    const inQuery = await post(app, { newAmount: 1, reason: 'x' }, `/things/${id}/adjust?cursor=a%00`);
    t.same([inQuery.status, inQuery.body.errors?.[0]?.path], [400, 'cursor']);
    const backslash = await post(app, String.raw`{"newAmount":1,"reason":"\\u0000 and \u00e9"}`);
    t.equal(backslash.status, 200, 'an escaped backslash is only text');
  });

  await t.test(
    'that is no JSON, too large, of another type or without a route has its own answer',
    async (t) => {
      t.equal((await post(app, '{')).status, 400);
      t.equal((await post(app, '')).status, 400);
      t.equal((await post(app, '{"__proto__":{"a":1},"newAmount":1,"reason":"x"}')).status, 400);
      t.same(pick(await post(app, { newAmount: 1, reason: 'x'.repeat(3_000) })), [413, 'BODY_TOO_LARGE']);
      const text = await app.inject({
        method: 'POST',
        url: `/things/${id}/adjust`,
        headers: { ...as(), 'content-type': 'text/plain' },
        payload: 'x',
      });
      t.same([text.statusCode, text.json<Problem>().code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
      t.same(pick(await post(app, {}, '/unknown')), [404, 'ROUTE_NOT_FOUND']);
      t.same(pick(await post(app, {}, '/things/%zz/adjust')), [400, 'VALIDATION_ERROR']);
      const wrongMethod = await app.inject({ method: 'GET', url: '/nothing', headers: as() });
      t.equal(wrongMethod.statusCode, 404);
    },
  );

  await t.test('to a route that declares no body or query may send none', async (t) => {
    t.equal((await post(app, '', '/nothing')).status, 200);
    t.equal((await post(app, {}, '/nothing')).status, 200);
    t.same(
      (await post(app, { a: 1 }, '/nothing?b=1')).body.errors?.map(({ path }) => path),
      ['a', 'b'],
    );
  });

  await t.test('that is not even HTTP gets a problem document', async (t) => {
    const address = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpRequest(address, { headers: { 'x-large': 'x'.repeat(20_000) } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    t.equal(status, 431);
  });

  await t.test('hides what went wrong inside, and logs it', async (t) => {
    const { status, body } = await post(app, { newAmount: 1, reason: 'throw' });
    t.same([status, body.code], [500, 'INTERNAL_ERROR']);
    t.notMatch(JSON.stringify(body), /internals|postgres/);
    const failure = logLines.find((line) => line['msg'] === 'request failed');
    t.match(failure, {
      level: 'error',
      requestId: 'req-1',
      err: { message: /secret internals: postgres:\/\/u:\[redacted\]@h/ },
    });
  });

  await t.test('names the status a record is in', async (t) => {
    const { status, body } = await post(app, { newAmount: 1, reason: 'paid' });
    t.equal(status, 409);
    t.match(body, { code: 'THING_PAID', currentStatus: 'paid', allowedStatuses: ['pending'] });
  });
});

function pick(answer: { status: number; body: Problem }): [number, string] {
  return [answer.status, answer.body.code];
}

await t.test('a hostile body does not make a huge answer', async (t) => {
  const faults = Array.from({ length: 5_000 }, (_, at) => ({
    path: `${at}${'x'.repeat(1_000)}`,
    message: 'wrong',
  }));
  t.ok(JSON.stringify(toProblem(validationError(faults), 'r')).length < 40_000);
});

await t.test(
  'an error code that is not UPPER_SNAKE or no failure is refused when it is defined',
  async (t) => {
    t.throws(() => defineErrors({ notFound: { status: 404, title: 'x' } }));
    t.throws(() => defineErrors({ FINE: { status: 200, title: 'x' } }));
  },
);
