import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { z } from 'zod';
import {
  AppError,
  commonErrors,
  ok,
  rememberAnswer,
  requestContext,
  success,
  versionEtag,
} from '../src/index.ts';
import type { Identity, Problem, ServiceApp } from '../src/index.ts';
import { as, startApp } from './harness.ts';

const response = { 201: success(z.object({ name: z.string(), version: z.int() })) };
const body = z.strictObject({ name: z.string(), pauseMs: z.int().default(0) });

// As commands do: the effect and the key's row are one statement. It pauses once the row is there.
const CREATE = `
  WITH remembered AS (
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT $2, $3, $4, $5, $6, $7, $8::int, $9::jsonb WHERE $6::text IS NOT NULL
    RETURNING key
  ), paused AS (
    SELECT pg_sleep($1::int / 1000.0) FROM (SELECT count(*) FROM remembered) AS counted
  )
  INSERT INTO leases (name, holder, token, expires_at)
  SELECT $10, 'effect', 1, now() FROM paused`;

function routes(db: Database) {
  return (app: ServiceApp): void => {
    app.route({
      method: 'POST',
      url: '/things',
      schema: { body, response },
      config: { operationId: 'createThing', summary: 'Create', scope: 'operations:write' },
      handler: async (request, reply) => {
        const { name, pauseMs } = request.body;
        if (name === 'refused') throw new AppError(commonErrors.CONFLICT, 'refused');
        const { programId, idempotency: key } = requestContext(request);
        const data = { name, version: 3 };
        await db.query(CREATE, [
          pauseMs,
          programId,
          key?.principal ?? null,
          key?.method ?? null,
          key?.path ?? null,
          key?.key ?? null,
          key?.bodyHash ?? null,
          key?.status ?? null,
          ok(data),
          newId(),
        ]);
        return reply.code(201).header('etag', versionEtag(3)).send(ok(data));
      },
    });
    app.route({
      method: 'POST',
      url: '/calls',
      schema: { body, response },
      config: { operationId: 'callOut', summary: 'Call', scope: 'operations:write' },
      handler: async (request, reply) => {
        const answer = ok({ name: newId(), version: 1 });
        await rememberAnswer(db, request, { status: 201, body: answer });
        return reply.code(201).send(answer);
      },
    });
    app.route({
      method: 'POST',
      url: '/secrets',
      schema: { body, response },
      config: { operationId: 'makeSecret', summary: 'Secret', scope: 'operations:write', idempotency: false },
      handler: async (request, reply) =>
        reply.code(201).send(ok({ name: request.idempotency === null ? 'not kept' : 'kept', version: 1 })),
    });
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

await t.test('Idempotency-Key', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const { app } = await startApp(t, routes(db), db);

  const post = async (
    key: string,
    payload: object,
    { url = '/things', identity = {} }: { url?: string; identity?: Partial<Identity> } = {},
  ) => {
    const headers = { ...as(identity), 'idempotency-key': key };
    const answer = await app.inject({ method: 'POST', url, headers, payload });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.json<Problem & { data: unknown }>(),
    };
  };
  const effects = async () =>
    (await owner.query<{ n: number }>('SELECT count(*)::int AS n FROM leases'))[0]?.n;

  await t.test('replays the first answer, with its status and entity tag', async (t) => {
    const first = await post('a', { name: 'one' });
    const second = await post('a', { name: 'one' });
    t.same([first.status, second.status], [201, 201]);
    t.equal(first.headers['idempotency-replayed'], undefined);
    t.equal(second.headers['idempotency-replayed'], 'true');
    t.equal(second.headers['etag'], '"3"');
    t.same(second.body, first.body);
    t.equal(await effects(), 1);
  });

  await t.test('with another body is refused', async (t) => {
    const reused = await post('a', { name: 'two' });
    t.same([reused.status, reused.body.code], [422, 'IDEMPOTENCY_KEY_REUSED']);
  });

  await t.test('keeps a hash of the body from which nobody can guess the body', async (t) => {
    const rows = await owner.query<{ bodyHash: string }>(
      `SELECT body_hash FROM idempotency_keys WHERE key = 'a'`,
    );
    t.match(rows, [{ bodyHash: /^[0-9a-f]{64}$/ }]);
    t.not(rows[0]?.bodyHash, sha256('{"name":"one"}'));
  });

  await t.test('understands a plain hash, as a release beside this one may store it', async (t) => {
    await post('plain', { name: 'one' });
    const hash = (text: string) =>
      owner.query(`UPDATE idempotency_keys SET body_hash = $1 WHERE key = 'plain'`, [sha256(text)]);
    await hash('{"name":"one"}');
    t.equal((await post('plain', { name: 'one' })).headers['idempotency-replayed'], 'true');
    await hash('{"name":"two"}');
    t.equal((await post('plain', { name: 'one' })).status, 422);
  });

  await t.test('belongs to one principal and one path', async (t) => {
    t.equal(
      (await post('a', { name: 'one' }, { identity: { id: newId() } })).headers['idempotency-replayed'],
      undefined,
    );
    t.equal((await post('a', { name: 'one' }, { url: '/calls' })).headers['idempotency-replayed'], undefined);
  });

  await t.test('gives 20 parallel requests one effect and one answer', async (t) => {
    const before = (await effects()) ?? 0;
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => post('b', { name: 'x', pauseMs: 50 })),
    );
    t.same([...new Set(answers.map(({ status }) => status))], [201]);
    t.equal(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined).length, 1);
    t.equal(await effects(), before + 1);
  });

  await t.test('answers 409 when the first is not done after the lock time-out', async (t) => {
    const first = post('c', { name: 'slow', pauseMs: 3_500 });
    const inserted = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`;
    while ((await owner.query(inserted)).length === 0) await delay(10);
    const second = await post('c', { name: 'slow', pauseMs: 3_500 });
    t.match([second.status, second.body.code], [409, 'IDEMPOTENCY_IN_PROGRESS']);
    t.equal(second.headers['retry-after'], '1');
    t.equal((await first).status, 201);
  });

  await t.test('does not keep a failure', async (t) => {
    t.equal((await post('d', { name: 'refused' })).status, 409);
    t.equal((await post('d', { name: 'fine' })).status, 201);
  });

  await t.test('is forgotten after 24 hours', async (t) => {
    await post('e', { name: 'old' });
    await owner.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'e'`);
    const again = await post('e', { name: 'new' });
    t.same([again.status, again.headers['idempotency-replayed']], [201, undefined]);
  });

  await t.test('is kept by handlers whose effect is no statement', async (t) => {
    const first = await post('f', { name: 'x' }, { url: '/calls' });
    t.same((await post('f', { name: 'x' }, { url: '/calls' })).body, first.body);
  });

  await t.test('is ignored where the answer is a secret', async (t) => {
    t.match((await post('g', { name: 'x' }, { url: '/secrets' })).body, { data: { name: 'not kept' } });
  });

  await t.test('has 1 to 255 printable characters', async (t) => {
    t.same((await post('x'.repeat(256), { name: 'x' })).body.errors?.[0]?.path, 'Idempotency-Key');
    t.equal((await post('', { name: 'x' })).status, 400);
    t.equal((await post('x'.repeat(255), { name: 'x' })).status, 201);
  });
});
