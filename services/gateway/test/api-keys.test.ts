import type { EventEnvelope } from '@tributary/event-catalog';
import { parseEvent } from '@tributary/event-catalog';
import t from 'tap';
import { asService, call, echo, insertUser, listen, logIn, startGateway } from './gateway-under-test.ts';

const upstream = await listen(t, asService(echo));
const gateway = await startGateway(t, { upstreams: { 'echo-service': upstream.url } });
const adminId = await insertUser(gateway.database, { email: 'admin@example.com' });
const { accessToken: token } = await logIn(gateway, 'admin@example.com');

interface Created {
  readonly id: string;
  readonly key: string;
  readonly prefix: string;
}

async function createKey(fields: object = {}): Promise<Created> {
  const body = { name: 'Shop', scopes: ['operations:read', 'conversions:write'], ...fields };
  const answer = await call(gateway, '/api/v1/auth/api-keys', { token, body });
  t.equal(answer.status, 201);
  return answer.body.data as Created;
}

t.test('a key is shown once, stored as a hash, and opens what its scopes allow', async (t) => {
  const { id, key, prefix } = await createKey();
  t.match(key, /^tb_live_[\w-]{43}$/);
  t.ok(key.startsWith(prefix) && prefix.length === 12);
  const echoed = await call(gateway, '/api/v1/echo', { token: key });
  t.equal(echoed.status, 200);
  const identity = (echoed.body['headers'] as Record<string, string>)['x-tributary-identity'] ?? '';
  const claims: unknown = JSON.parse(Buffer.from(identity.split('.')[0] ?? '', 'base64url').toString());
  t.match(claims, {
    kind: 'api_key',
    id,
    scopes: ['operations:read', 'conversions:write'],
    aud: 'echo-service',
  });
  const listed = await call(gateway, '/api/v1/auth/api-keys', { token });
  t.match(listed.body.data, [{ id, name: 'Shop', prefix, revokedAt: null }]);
  t.notMatch(JSON.stringify(listed.body), key);
  const [row] = await gateway.database.owner.query<{ text: string }>(
    'SELECT to_json(k)::text AS text FROM api_keys k',
  );
  t.notMatch(row?.text, key.slice(12));
});

t.test('keys are listed by pages, and read on from where one ended', async (t) => {
  for (const name of ['Beta', 'Gamma', 'Alpha']) await createKey({ name });
  const list = async (query: string) => {
    const { body } = await call(gateway, `/api/v1/auth/api-keys?${query}`, { token });
    return {
      names: (body.data as { name: string }[]).map(({ name }) => name),
      meta: body['meta'] as { total: number; nextCursor?: string },
    };
  };
  const first = await list('limit=3&sort=name');
  t.strictSame(first.names, ['Alpha', 'Beta', 'Gamma']);
  t.match(first.meta, { total: 4, page: 1, limit: 3, totalPages: 2 });
  const second = await list(`limit=3&sort=name&cursor=${first.meta.nextCursor}`);
  t.strictSame([second.names, second.meta.nextCursor], [['Shop'], undefined]);
  t.strictSame((await list('limit=1&page=2&count=exact')).names, ['Gamma']);
});

t.test('what nobody issued opens nothing', async (t) => {
  for (const key of [`tb_live_${'A'.repeat(43)}`, 'tb_live_', 'tb_test_abc']) {
    t.equal((await call(gateway, '/api/v1/echo', { token: key })).status, 401);
  }
});

t.test(
  'a revoked key is refused as soon as the message comes; audit row and event are written with it',
  async (t) => {
    const { id, key } = await createKey({ name: 'Old shop' });
    t.equal((await call(gateway, '/api/v1/echo', { token: key })).status, 200);
    const answer = await call(gateway, `/api/v1/auth/api-keys/${id}`, { method: 'DELETE', token });
    t.equal(answer.status, 200, JSON.stringify(answer.body));
    const event = gateway.published.at(-1);
    const { createdAt: _createdAt, ...envelope } = event ?? {};
    t.equal(parseEvent(JSON.parse(JSON.stringify(envelope))).outcome, 'valid');
    t.match(event, {
      type: 'apikey.revoked',
      subject: { apiKeyId: id },
      actor: { kind: 'user', id: adminId },
    });
    await gateway.gateway.onEvent(event as EventEnvelope<'apikey.revoked'>);
    t.equal((await call(gateway, '/api/v1/echo', { token: key })).status, 401);
    const audit = await gateway.database.owner.query(
      `SELECT action, user_id, actor, ip_address FROM audit_logs WHERE entity_type = 'api_key' AND entity_id = $1
     ORDER BY created_at`,
      [id],
    );
    t.match(audit, [
      { action: 'created', userId: adminId, ipAddress: '127.0.0.1' },
      { action: 'revoked', userId: adminId, actor: 'Name of admin@example.com' },
    ]);
    const outbox = await gateway.database.owner.query(
      `SELECT id FROM outbox_events WHERE type = 'apikey.revoked'`,
    );
    t.match(outbox, [{ id: event?.id }]);
    const again = await call(gateway, `/api/v1/auth/api-keys/${id}`, { method: 'DELETE', token });
    t.equal(again.status, 404);
    t.match(again.body, { code: 'API_KEY_NOT_FOUND' });
  },
);

t.test('without a message a revoked or expired key is refused within a minute', async (t) => {
  let now = Date.now();
  const slow = await startGateway(t, {
    upstreams: { 'echo-service': upstream.url },
    database: gateway.database,
    clock: () => new Date(now),
  });
  const revoked = await createKey();
  const expiring = await createKey({ expiresAt: new Date(now + 20_000).toISOString() });
  for (const { key } of [revoked, expiring]) {
    t.equal((await call(slow, '/api/v1/echo', { token: key })).status, 200);
  }
  await gateway.database.owner.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [revoked.id]);
  now += 20_000;
  t.equal(
    (await call(slow, '/api/v1/echo', { token: expiring.key })).status,
    401,
    'the end of a key is known',
  );
  now += 40_000;
  t.equal((await call(slow, '/api/v1/echo', { token: revoked.key })).status, 401);
});

t.test('when keys are used is noted, from the first time on', async (t) => {
  const { id, key } = await createKey();
  const shutting = await startGateway(t, {
    upstreams: { 'echo-service': upstream.url },
    database: gateway.database,
  });
  await call(shutting, '/api/v1/echo', { token: key });
  await shutting.gateway.close();
  const [row] = await gateway.database.owner.query<{ used: boolean }>(
    'SELECT last_used_at IS NOT NULL AS used FROM api_keys WHERE id = $1',
    [id],
  );
  t.equal(row?.used, true);
});

t.test('only super admins and keys with identity:write manage keys', async (t) => {
  await insertUser(gateway.database, { email: 'plain@example.com', role: 'admin' });
  const plain = await logIn(gateway, 'plain@example.com');
  t.equal((await call(gateway, '/api/v1/auth/api-keys', { token: plain.accessToken })).status, 403);
  const { key } = await createKey();
  t.equal((await call(gateway, '/api/v1/auth/api-keys', { token: key })).status, 403);
  t.equal((await call(gateway, '/api/v1/auth/api-keys')).status, 401);
});

t.test(
  'a key for a partner that does not exist, an unknown scope and an unknown field are refused',
  async (t) => {
    const post = (fields: object) =>
      call(gateway, '/api/v1/auth/api-keys', { token, body: { name: 'x', scopes: ['jobs:run'], ...fields } });
    const missing = await post({ partnerId: '01890000-0000-7000-8000-00000000dead' });
    t.match(missing.body, { status: 404, code: 'PARTNER_NOT_FOUND' });
    t.equal((await post({ scopes: ['everything'] })).status, 400);
    t.equal((await post({ scopes: [] })).status, 400);
    t.equal((await post({ admin: true })).status, 400);
  },
);

t.test('revoking a key under an Idempotency-Key is done once', async (t) => {
  const { id } = await createKey({ name: 'Lost' });
  const revoke = () =>
    call(gateway, `/api/v1/auth/api-keys/${id}`, {
      method: 'DELETE',
      token,
      headers: { 'idempotency-key': 'lost' },
    });
  const first = await revoke();
  const again = await revoke();
  t.strictSame([first.status, again.status], [200, 200]);
  t.strictSame([again.headers.get('idempotency-replayed'), again.body], ['true', first.body]);
});
