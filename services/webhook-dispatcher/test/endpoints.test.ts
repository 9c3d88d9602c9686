import { findWriterFaults } from '@tributary/event-catalog';
import { newId } from '@tributary/runtime';
import { createTestDatabase, createWebhookReceiver } from '@tributary/testkit';
import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { admin, createDispatcher, createEndpoint, insertPartner } from './harness.ts';

const url = 'https://partner.example/hooks';

async function setUp(scope: Parameters<typeof createTestDatabase>[0]) {
  const { db } = await createTestDatabase(scope);
  const dispatcher = await createDispatcher(scope, db);
  return { db, dispatcher, partnerId: await insertPartner(db) };
}

t.test(
  'an endpoint is created with a secret that no other answer shows and that is encrypted at rest',
  async (t) => {
    const { db, dispatcher, partnerId } = await setUp(t);
    const created = await dispatcher.call(admin, 'POST', '/webhooks/endpoints', {
      partnerId,
      url,
      eventTypes: ['commission.paid'],
    });
    t.equal(created.status, 201);
    const { secret, ...endpoint } = created.body.data;
    t.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    t.match(endpoint, {
      partnerId,
      url,
      status: 'enabled',
      version: 1,
      eventTypes: ['commission.paid'],
      circuitState: 'closed',
    });
    const got = await dispatcher.call(admin, 'GET', `/webhooks/endpoints/${endpoint.id}`);
    t.strictSame(got.body.data, endpoint);
    t.equal(got.headers['etag'], '"1"');
    const listed = await dispatcher.call(admin, 'GET', '/webhooks/endpoints');
    t.strictSame(listed.body.data, [endpoint]);
    const stored = JSON.stringify(
      await db.query('SELECT * FROM webhook_endpoints, audit_logs, outbox_events'),
    );
    t.notOk(stored.includes(secret.slice(6)));
  },
);

t.test('each change leaves one audit row with what changed and one valid event', async (t) => {
  const { db, dispatcher, partnerId } = await setUp(t);
  const { id } = await createEndpoint(dispatcher, { partnerId, url });
  const path = `/webhooks/endpoints/${id}`;
  await dispatcher.call(admin, 'PATCH', path, {
    url: `${url}/2`,
    eventTypes: ['commission.paid'],
    retryDelaysSeconds: [1, 2],
  });
  await dispatcher.call(admin, 'PATCH', path, { status: 'disabled' });
  await dispatcher.call(admin, 'PATCH', path, { status: 'enabled', retryDelaysSeconds: null });
  await dispatcher.call(admin, 'POST', `${path}/rotate-secret`);
  const deleted = await dispatcher.call(admin, 'DELETE', path);
  t.match(deleted.body.data, { id, status: 'disabled', version: 6 });
  const audit = await db.query<{
    action: string;
    changes: { field: string; oldValue: unknown; newValue: unknown }[];
  }>(
    `SELECT action, changes FROM audit_logs WHERE entity_type = 'webhook_endpoint' AND entity_id = $1 ORDER BY id`,
    [id],
  );
  t.strictSame(
    audit.map(({ action }) => action),
    ['created', 'updated', 'updated', 'updated', 'secret_rotated', 'deleted'],
  );
  t.strictSame(
    audit[1]?.changes.find(({ field }) => field === 'url'),
    { field: 'url', oldValue: url, newValue: `${url}/2` },
  );
  t.strictSame(audit[2]?.changes, [{ field: 'status', oldValue: 'enabled', newValue: 'disabled' }]);
  t.strictSame(audit[4]?.changes, []);
  t.strictSame(
    dispatcher.published.map(({ type }) => type),
    ['created', 'updated', 'disabled', 'updated', 'updated', 'deleted'].map(
      (action) => `webhook_endpoint.${action}`,
    ),
  );
  t.strictSame(dispatcher.published.flatMap(findWriterFaults), []);
  const [outbox] = await db.query<{ count: number }>('SELECT count(*)::int FROM outbox_events');
  t.equal(outbox?.count, 6);
  t.equal((await dispatcher.call(admin, 'GET', path)).status, 404);
  t.strictSame((await dispatcher.call(admin, 'GET', '/webhooks/endpoints')).body.data, []);
});

t.test("a partner reaches its own endpoints and nobody else's", async (t) => {
  const { db, dispatcher, partnerId } = await setUp(t);
  const stranger = { partnerId: await insertPartner(db) };
  const own = await dispatcher.call({ partnerId }, 'POST', '/webhooks/endpoints', { url });
  t.equal(own.status, 201, 'its own id need not be given');
  t.equal(own.body.data.partnerId, partnerId);
  const path = `/webhooks/endpoints/${own.body.data.id}`;
  t.equal((await dispatcher.call({ partnerId }, 'GET', path)).status, 200);
  const attempts = [
    ['GET', path],
    ['PATCH', path, { status: 'disabled' }],
    ['DELETE', path],
    ['POST', `${path}/rotate-secret`],
    ['POST', `${path}/test`],
    ['POST', `${path}/recover`, { since: '2026-01-01T00:00:00Z' }],
  ] as const;
  for (const [method, where, body] of attempts) {
    const answer = await dispatcher.call(stranger, method, where, body);
    t.equal(answer.status, 404, `${method} ${where}`);
    t.equal(answer.body.code, 'WEBHOOK_ENDPOINT_NOT_FOUND');
  }
  t.strictSame((await dispatcher.call(stranger, 'GET', '/webhooks/endpoints')).body.data, []);
  t.strictSame(
    (await dispatcher.call(stranger, 'GET', `/webhooks/endpoints?partnerId=${partnerId}`)).body.data,
    [],
  );
  const foreign = await dispatcher.call(stranger, 'POST', '/webhooks/endpoints', { url, partnerId });
  t.equal(foreign.body.code, 'PARTNER_NOT_FOUND');
  t.equal((await dispatcher.call(admin, 'GET', path)).body.data.version, 1, 'nothing was changed');
});

t.test('reading scopes do not write, and staff must name an existing partner', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  const reader = { scopes: ['webhooks:read'] as const };
  t.equal((await dispatcher.call(reader, 'POST', '/webhooks/endpoints', { partnerId, url })).status, 403);
  t.equal((await dispatcher.call(reader, 'GET', '/webhooks/endpoints')).status, 200);
  const nobody = await dispatcher.call(admin, 'POST', '/webhooks/endpoints', { url });
  t.equal(nobody.status, 400);
  t.strictSame(
    nobody.body.errors.map(({ path }: { path: string }) => path),
    ['partnerId'],
  );
  const unknown = await dispatcher.call(admin, 'POST', '/webhooks/endpoints', { url, partnerId: newId() });
  t.equal(unknown.body.code, 'PARTNER_NOT_FOUND');
});

t.test('wrong fields are named, unknown ones refused', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  const answer = await dispatcher.call(admin, 'POST', '/webhooks/endpoints', {
    partnerId,
    url: '',
    eventTypes: ['job.finished'],
    rateLimitPerSecond: 0,
    retryDelaysSeconds: Array.from({ length: 4 }, () => 86_400),
    secret: 'mine',
  });
  t.equal(answer.status, 400);
  const paths = answer.body.errors.map(({ path }: { path: string }) => path).toSorted();
  t.strictSame(paths, ['eventTypes.0', 'rateLimitPerSecond', 'retryDelaysSeconds', 'secret', 'url']);
  t.equal((await dispatcher.call(admin, 'PATCH', `/webhooks/endpoints/${newId()}`, {})).status, 400);
});

t.test('If-Match refuses a change of another version', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  const { id } = await createEndpoint(dispatcher, { partnerId, url });
  const path = `/webhooks/endpoints/${id}`;
  const late = await dispatcher.call({ headers: { 'if-match': '"7"' } }, 'PATCH', path, { description: 'x' });
  t.equal(late.status, 412);
  const timely = await dispatcher.call({ headers: { 'if-match': '"1"' } }, 'PATCH', path, {
    description: 'x',
  });
  t.equal(timely.status, 200);
  t.equal(timely.headers['etag'], '"2"');
});

t.test('a partner may have fifty endpoints', async (t) => {
  const { db, dispatcher, partnerId } = await setUp(t);
  await db.query(
    `INSERT INTO webhook_endpoints (id, partner_id, url, secret_ciphertext)
     SELECT uuidv7(), $1, 'https://partner.example', 'x' FROM generate_series(1, 49)`,
    [partnerId],
  );
  await createEndpoint(dispatcher, { partnerId, url });
  const answer = await dispatcher.call(admin, 'POST', '/webhooks/endpoints', { partnerId, url });
  t.equal(answer.body.code, 'WEBHOOK_ENDPOINT_LIMIT');
});

t.test('lists page by number and by cursor without losing or repeating any', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  for (let i = 0; i < 5; i += 1) await createEndpoint(dispatcher, { partnerId, url: `${url}/${i}` });
  const urls: string[] = [];
  let cursor = '';
  do {
    const { body } = await dispatcher.call(admin, 'GET', `/webhooks/endpoints?limit=2${cursor}`);
    urls.push(...body.data.map((endpoint: { url: string }) => endpoint.url));
    t.equal(body.meta.total, 5);
    cursor = body.meta.nextCursor === undefined ? '' : `&cursor=${body.meta.nextCursor}`;
  } while (cursor !== '');
  t.strictSame(
    urls,
    [4, 3, 2, 1, 0].map((i) => `${url}/${i}`),
  );
  const second = await dispatcher.call(admin, 'GET', '/webhooks/endpoints?limit=2&page=2');
  t.strictSame(
    second.body.data.map((endpoint: { url: string }) => endpoint.url),
    [`${url}/2`, `${url}/1`],
  );
});

t.test('lists are read oldest first as well', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  for (let i = 0; i < 3; i += 1) await createEndpoint(dispatcher, { partnerId, url: `${url}/${i}` });
  const list = async (query: string) =>
    (await dispatcher.call(admin, 'GET', `/webhooks/endpoints?limit=2&${query}`)).body;
  const urlsOf = ({ data }: { data: { url: string }[] }) => data.map((endpoint) => endpoint.url);
  const first = await list('sort=createdAt');
  const rest = await list(`sort=createdAt&cursor=${first.meta.nextCursor}`);
  t.strictSame([...urlsOf(first), ...urlsOf(rest)], [`${url}/0`, `${url}/1`, `${url}/2`]);
  t.equal(rest.meta.nextCursor, undefined);
  const back = await list(`sort=-createdAt&cursor=${first.meta.nextCursor}`);
  t.strictSame(urlsOf(back), [`${url}/0`], 'a place in the list is one whichever way it is read');
});

t.test(
  'one 400 names every fault: of the URL, of other fields and the partner that is missing',
  async (t) => {
    const { dispatcher, partnerId } = await setUp(t);
    const { id } = await createEndpoint(dispatcher, { partnerId, url });
    const path = '/webhooks/endpoints';
    const wrong = async (
      method: 'GET' | 'POST' | 'PATCH',
      address: string,
      body?: object,
      caller = admin,
    ) => {
      const answer = await dispatcher.call(caller, method, address, body);
      return [answer.status, ...answer.body.errors.map((fault: { path: string }) => fault.path).toSorted()];
    };
    const bad = { url: 'https://10.0.0.1/', rateLimitPerSecond: 0, nope: 1 };
    t.strictSame(await wrong('POST', path, bad), [400, 'nope', 'partnerId', 'rateLimitPerSecond', 'url']);
    t.strictSame(await wrong('POST', path, bad, { partnerId }), [400, 'nope', 'rateLimitPerSecond', 'url']);
    t.strictSame(await wrong('POST', path, { url }), [400, 'partnerId']);
    t.strictSame((await dispatcher.call(admin, 'POST', path)).status, 400, 'no body at all');
    t.strictSame(await wrong('PATCH', `${path}/${id}`, { ...bad, status: 'gone' }), [
      400,
      'nope',
      'rateLimitPerSecond',
      'status',
      'url',
    ]);
    const reversed = { since: '2026-02-02T00:00:00Z', until: '2026-02-01T00:00:00Z', dryRun: 'yes' };
    t.strictSame(await wrong('POST', `${path}/${id}/recover`, reversed), [400, 'dryRun', 'since']);
    const replay = { from: '2999-01-01T00:00:00Z', cursor: 'nonsense', eventTypes: ['none'] };
    const faults = await wrong('POST', `${path}/${id}/replay`, replay);
    t.strictSame(faults, [400, 'cursor', 'eventTypes.0', 'from']);
    t.strictSame(await wrong('GET', `${path}?cursor=nonsense&limit=0`), [400, 'cursor', 'limit']);
  },
);

t.test('after a rotation both secrets verify for a day, whatever the number of rotations', async (t) => {
  const { db, dispatcher, partnerId } = await setUp(t);
  const receiver = await createWebhookReceiver(t);
  const { id, secret } = await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  const rotate = async (): Promise<string> =>
    (await dispatcher.call(admin, 'POST', `/webhooks/endpoints/${id}/rotate-secret`)).body.data.secret;
  const secrets = [secret, await rotate(), await rotate()];
  t.equal(new Set(secrets).size, 3);
  const tested = await dispatcher.call(admin, 'POST', `/webhooks/endpoints/${id}/test`);
  t.match(tested.body.data, { delivered: true, statusCode: 200, error: null });
  const [request] = await receiver.received(1);
  for (const one of secrets) {
    t.doesNotThrow(() =>
      new Webhook(one).verify(request?.body ?? '', request?.headers as Record<string, string>),
    );
  }
  const [row] = await db.query<{ days: number[] }>(
    `SELECT array_agg(round(extract(epoch FROM (previous ->> 'expiresAt')::timestamptz - now()) / 8640)::float8 / 10) AS days
     FROM webhook_endpoints, jsonb_array_elements(previous_secrets) AS previous`,
  );
  t.strictSame(row?.days, [1, 1]);
});

t.test('the test button says how it went and never what the host answered', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  const receiver = await createWebhookReceiver(t);
  receiver.answerWith({ status: 500, body: 'internal secrets of the host' });
  const { id } = await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  const answer = await dispatcher.call({ partnerId }, 'POST', `/webhooks/endpoints/${id}/test`);
  t.match(answer.body.data, { delivered: false, statusCode: 500, error: 'http_500' });
  t.notOk(JSON.stringify(answer.body).includes('secrets'));
  const [request] = receiver.requests;
  t.match(JSON.parse(request?.body ?? ''), {
    type: 'webhook_endpoint.test',
    data: { endpointId: id, partnerId },
  });
});

t.test('the test button pressed again under the same Idempotency-Key sends nothing', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  const receiver = await createWebhookReceiver(t);
  const { id } = await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  const keyed = { id: newId(), headers: { 'idempotency-key': 'tested' } };
  const press = () => dispatcher.call(keyed, 'POST', `/webhooks/endpoints/${id}/test`);
  const [first, second] = [await press(), await press()];
  t.strictSame(second.body, first.body);
  t.equal(second.headers['idempotency-replayed'], 'true');
  t.equal(receiver.requests.length, 1);
});

t.test('a repeated change with one Idempotency-Key is done once', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  const { id } = await createEndpoint(dispatcher, { partnerId, url });
  const keyed = { id: newId(), headers: { 'idempotency-key': 'once' } };
  const path = `/webhooks/endpoints/${id}`;
  const first = await dispatcher.call(keyed, 'PATCH', path, { description: 'x' });
  const second = await dispatcher.call(keyed, 'PATCH', path, { description: 'x' });
  t.equal(second.headers['idempotency-replayed'], 'true');
  t.strictSame(second.body, first.body);
  t.equal((await dispatcher.call(admin, 'GET', path)).body.data.version, 2);
  const other = await dispatcher.call(keyed, 'PATCH', path, { description: 'y' });
  t.equal(other.body.code, 'IDEMPOTENCY_KEY_REUSED');
});

t.test('every event type of the catalogue has a schema and an example', async (t) => {
  const { dispatcher, partnerId } = await setUp(t);
  const { body } = await dispatcher.call({ partnerId }, 'GET', '/webhooks/event-types');
  const adjusted = body.data.find(({ type }: { type: string }) => type === 'commission.adjusted');
  t.match(adjusted, {
    schema: { type: 'object' },
    example: { type: 'commission.adjusted', data: { version: 2 } },
  });
  t.notOk(body.data.some(({ type }: { type: string }) => type.startsWith('policy.')));
  t.strictSame(body.meta, { total: body.data.length, page: 1, limit: 100, totalPages: 1 });
  const second = await dispatcher.call(admin, 'GET', '/webhooks/event-types?page=2&limit=3');
  t.strictSame(second.body.data, body.data.slice(3, 6));
});
