import t from 'tap';
import { z } from 'zod';
import { assertVersion, expectedVersion, ok, sendJsonText, success, successText } from '../src/index.ts';
import { as, startApp } from './harness.ts';

await t.test('If-Match', async (t) => {
  const { app } = await startApp(t, (app) => {
    app.route({
      method: 'PATCH',
      url: '/thing',
      schema: { response: { 200: success(z.int().nullable()) } },
      config: { operationId: 'changeThing', summary: 'Change', scope: 'operations:write' },
      handler: async (request) => {
        assertVersion(request, 5);
        return ok(expectedVersion(request) ?? null);
      },
    });
  });
  const patch = async (ifMatch?: string) => {
    const headers = ifMatch === undefined ? as() : { ...as(), 'if-match': ifMatch };
    const answer = await app.inject({ method: 'PATCH', url: '/thing', headers });
    return [answer.statusCode, answer.json<{ data?: unknown; code?: string }>().data];
  };
  t.same(await patch(), [200, null]);
  t.same(await patch('*'), [200, null]);
  t.same(await patch('"5"'), [200, 5]);
  t.same(await patch('W/"5"'), [200, 5]);
  t.same(await patch('5'), [200, 5], 'the number as a body says it');
  for (const stale of ['"4"', '4', '5"', 'W/5', '"x"', '"5", "6"', ''])
    t.same(await patch(stale), [412, undefined], stale);
});

await t.test('JSON text from Postgres is sent as it is', async (t) => {
  const text = successText('{"a":1.10,"b":"\\u00e9"}');
  const { app } = await startApp(t, (app) => {
    app.route({
      method: 'GET',
      url: '/text',
      schema: { response: { 200: success(z.object({ a: z.number() })) } },
      config: { operationId: 'getText', summary: 'Text', scope: 'operations:read' },
      handler: async (_request, reply) => sendJsonText(reply, text),
    });
  });
  const answer = await app.inject({ url: '/text', headers: as() });
  t.same([answer.statusCode, answer.body], [200, text]);
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
});
