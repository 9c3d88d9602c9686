import { randomUUID } from 'node:crypto';

import { createWebhookReceiver, waitFor } from '@tributary/testkit';
import t from 'tap';

import { type Caller, everyCaller, otherPartner } from '../access-callers.ts';
import { ACCESS_ROWS } from '../access-rows.ts';
import { type Answer, clientOf, dataOf, loggedIn } from '../api-client.ts';
import { type Operation, operationsOf } from '../operations.ts';
import { startPlatform } from '../platform.ts';

const platform = await startPlatform(t);
const admin = await loggedIn(platform, platform.admin);
const operations = await operationsOf(platform);
const CALLS_AT_ONCE = 8;

/** What has to happen, by the rule of the API and nothing else: 401, 403, or neither. */
function expected({ scope, isOwn }: Operation, { scopes, isPartner }: Caller): 401 | 403 | 'allowed' {
  if (scope === 'public') return 'allowed';
  if (scopes === undefined) return 401;
  if (scope === 'authenticated') return 'allowed';
  const opening = scope?.split(' or ') ?? [];
  if (!scopes.some((held) => opening.includes(held))) return 403;
  return isPartner && !isOwn ? 403 : 'allowed';
}

function actual({ status }: Answer): number | 'allowed' {
  return status === 401 || status === 403 || status >= 500 ? status : 'allowed';
}

async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, lane));
}

t.test('every route asks for the scope that its row says, and every row has its route', async (t) => {
  const declared = operations.map(({ name, scope, isOwn }) => [
    name,
    `${scope ?? 'nothing'}${isOwn ? ' own' : ''}`,
  ]);
  t.same(Object.fromEntries(declared), ACCESS_ROWS);
});

t.test('every route lets in each caller that may, and answers 401 or 403 to every other', async (t) => {
  const callers = await everyCaller(platform, admin);
  const pairs = operations.flatMap((operation) => callers.map((caller) => ({ operation, caller })));
  const faults: string[] = [];
  await inLanes(pairs, async ({ operation, caller }) => {
    const { method } = operation;
    const body = method === 'GET' || method === 'HEAD' || method === 'DELETE' ? undefined : {};
    const answer = await caller.call(method, operation.at(randomUUID()), { body });
    const [wanted, got] = [expected(operation, caller), actual(answer)];
    if (wanted !== got) faults.push(`${operation.name} as ${caller.name}: ${got}, not ${wanted}`);
  });
  t.same(faults, []);
  t.equal(callers.length, 19);
  t.ok(pairs.length > 1_000, `${pairs.length} pairs`);
});

/** Something of each kind that belongs to the platform's partner. */
async function makeBelongings() {
  const owner = await loggedIn(platform, platform.partner);
  const receiver = await createWebhookReceiver(t);
  const endpoint = await dataOf(
    owner('POST', '/webhooks/endpoints', { body: { url: receiver.url, eventTypes: [] } }),
    201,
  );
  const product = { sku: 'MATRIX-1', name: 'Of the matrix', price: 100, currency: 'USD' };
  await dataOf(admin('POST', '/products', { body: product }), 201);
  const policy = { code: 'matrix', name: 'Of the matrix', type: 'percentage', rate: 10 };
  await dataOf(admin('POST', '/policies', { body: policy }), 201);
  const click = await dataOf(
    clientOf(platform)('POST', '/tracking/click', {
      body: { referralCode: 'HARBOUR', sessionId: 'matrix' },
      headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0' },
    }),
    201,
  );
  const order = { orderId: 'matrix-1', sku: 'MATRIX-1', orderAmount: 100, currency: 'USD', confirmed: true };
  const sale = await dataOf(
    admin('POST', '/tracking/conversion', { body: { ...order, clickId: click.clickId } }),
    201,
  );
  const deliveries = () => dataOf(owner('GET', '/webhooks/deliveries'));
  await waitFor(async () => (await deliveries()).length > 0, { what: 'a delivery' });
  const [delivery] = await deliveries();
  return {
    owner,
    byPath: {
      '/tracking/clicks/': click.clickId,
      '/tracking/conversions/': sale.conversions[0].id,
      '/webhooks/endpoints/': endpoint.id,
      '/webhooks/deliveries/': delivery.id,
    } as Record<string, string>,
    ids: [platform.partnerId, click.clickId, sale.conversions[0].id, sale.commissions[0].id, endpoint.id],
  };
}

/** Bodies with which the route would do something for the owner. */
const BODIES: Readonly<Record<string, object>> = {
  'PATCH /api/v1/webhooks/endpoints/{id}': { description: 'taken over' },
  'POST /api/v1/webhooks/endpoints/{id}/recover': { since: new Date(0).toISOString() },
  'POST /api/v1/webhooks/endpoints/{id}/replay': { from: new Date(0).toISOString() },
};

t.test('a partner finds, reads and changes nothing of another', async (t) => {
  const { owner, byPath, ids } = await makeBelongings();
  const other = await otherPartner(platform, admin);
  const key = { name: 'other', scopes: ['webhooks:write', 'webhooks:read', 'conversions:read'] };
  const made = await dataOf(admin('POST', '/auth/api-keys', { body: { ...key, partnerId: other.id } }), 201);
  const strangers = { login: other.call, key: clientOf(platform, made.key) };
  const state = () =>
    platform.owner.query('SELECT to_jsonb(e) - $1::text AS row FROM webhook_endpoints e ORDER BY id', [
      'last_success_at',
    ]);
  const before = await state();
  const own = operations.filter(({ isOwn }) => isOwn);

  await t.test('no row by its id', async (t) => {
    for (const operation of own.filter(({ path }) => path.includes('{'))) {
      const kind = Object.keys(byPath).find((prefix) => operation.path.startsWith(prefix));
      t.ok(kind, `there is something of the owner's for ${operation.name}`);
      const path = operation.at(byPath[kind ?? ''] ?? '');
      const body = operation.method === 'GET' ? undefined : BODIES[operation.name];
      for (const [name, stranger] of Object.entries(strangers)) {
        const answer = await stranger(operation.method, path, { body });
        t.equal(answer.status, 404, `${operation.name} by ${name}: ${JSON.stringify(answer.body)}`);
      }
      if (operation.method === 'GET') t.equal((await owner('GET', path)).status, 200, 'the owner finds it');
    }
    t.same(await state(), before, 'the endpoint is as it was');
  });

  await t.test('nothing in a list or a figure, asked for by name or not', async (t) => {
    await waitFor(async () => (await dataOf(owner('GET', '/dashboard/funnel'))).totalConversions === 1, {
      what: "the owner's own figures",
    });
    const reads = own.filter(({ method, path }) => method === 'GET' && !path.includes('{'));
    t.ok(reads.length >= 12);
    for (const { name, path } of reads) {
      for (const query of ['', `?partnerId=${platform.partnerId}`]) {
        const { status, body } = await other.call('GET', path + query);
        const text = JSON.stringify({ ...body, detail: undefined, errors: undefined });
        const found = ids.filter((id) => text.includes(id));
        t.same(found, [], `${name}${query} answers ${status} without a trace of the owner`);
        t.same(countsIn(body.data), [], `${name}${query} counts nothing of the owner's`);
      }
    }
  });

  await t.test('no endpoint in the name of another', async (t) => {
    const body = { url: 'https://example.com/hook', partnerId: platform.partnerId };
    const { status } = await other.call('POST', '/webhooks/endpoints', { body });
    t.ok(status >= 400 && status < 500, String(status));
    t.same(await state(), before);
  });
});

/** Totals other than zero, as paths. The partner asking has nothing, so that each would be somebody else's. */
function countsIn(data: unknown, at = ''): string[] {
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, value]) => {
    if (typeof value === 'number' && value !== 0 && /^(total|clicks|conversions|commissions)/.test(key))
      return [`${at}.${key}=${value}`];
    return countsIn(value, `${at}.${key}`);
  });
}

t.test('nothing in all this was an error of ours', async (t) => t.same(await platform.errors(), []));
