import { waitFor } from '@tributary/testkit';
import t from 'tap';

import { type Call, clientOf, dataOf, loggedIn } from '../api-client.ts';
import { startPlatform } from '../platform.ts';

const platform = await startPlatform(t);
const superAdmin = await loggedIn(platform, platform.admin);
const shop = clientOf(platform, platform.apiKey);

const OLGA = { email: 'olga@example.com', name: 'Olga Operations', role: 'admin' };
const PASSWORD = 'a long enough password of hers';

const olga = await dataOf(superAdmin('POST', '/users', { body: { ...OLGA, password: PASSWORD } }), 201);
const operator = await loggedIn(platform, { email: OLGA.email, password: PASSWORD });
const made = (path: string, body: object, by: Call = operator) => dataOf(by('POST', path, { body }), 201);

const partner = await made('/partners', { name: 'Mill', email: 'mill@example.com', referralCode: 'MILL' });
await made('/products', { sku: 'SAW-1', name: 'Saw', price: 100, currency: 'USD' });
const policy = await made('/policies', { code: 'TEN', name: 'Ten', type: 'percentage', rate: 10 });

/** Five orders of 100 to 500, and the commissions that they earn. */
const commissions: { id: string; commissionAmount: number }[] = [];
for (const orderAmount of [100, 200, 300, 400, 500]) {
  const order = { orderId: `SAW-${orderAmount}`, sku: 'SAW-1', orderAmount, currency: 'USD' };
  const sale = await made('/tracking/conversion', { ...order, referralCode: 'MILL', confirmed: true }, shop);
  commissions.push(...sale.commissions);
}
const ids = commissions.map(({ id }) => id).sort();

/** Starts a bulk change and waits for its end. */
async function inBulk(body: object) {
  const { id } = await dataOf(operator('POST', '/operations/commissions/bulk', { body }), 202);
  return waitFor(async () => {
    const job = await dataOf(operator('GET', `/operations/jobs/${id}`));
    return ['queued', 'running'].includes(job.status) ? undefined : job;
  });
}

const trail = async (kind: string, id: string) =>
  dataOf(superAdmin('GET', `/operations/audit-trail/${kind}/${id}?limit=100`));

t.test('a bulk change is tried out, run by filter and by ids, and carries who asked', async (t) => {
  const filter = { partnerId: partner.id, status: 'pending', minAmount: 20 };
  const adjust = { action: 'adjust', params: { newAmount: 15, reason: 'agreed by telephone' }, filter };
  const tried = await inBulk({ ...adjust, dryRun: true });
  t.match(tried, { status: 'succeeded', total: 4, succeeded: 4, failed: 0, actor: OLGA.name });
  t.match(tried.stats, { dryRun: true, amounts: { USD: '-80.00' } });
  t.same((await dataOf(operator('GET', `/operations/commissions/${ids[0]}`))).history.length, 1);

  const done = await inBulk(adjust);
  t.match(done, { status: 'succeeded', total: 4, succeeded: 4, failed: 0 });
  const nobody = olga.id;
  const confirmed = await inBulk({ action: 'confirm', params: { reason: 'checked' }, ids: [...ids, nobody] });
  t.match(confirmed, { status: 'succeeded', total: 6, succeeded: 5, failed: 1 });
  t.match(
    confirmed.results.filter(({ success }: { success: boolean }) => !success),
    [{ id: nobody, code: 'COMMISSION_NOT_FOUND' }],
  );
  for (const id of ids) {
    const rows = await trail('commission', id);
    const [last] = rows;
    t.match(last, { action: 'confirmed', actor: OLGA.name, userId: olga.id, jobId: confirmed.id });
    t.equal(
      last.description,
      'Olga Operations confirmed the commission: status from pending to confirmed. Reason: checked.',
    );
  }
});

t.test('an export is a header and every row, and goes on after the last row that came', async (t) => {
  const url = `/operations/commissions.csv?partnerId=${partner.id}&sort=createdAt`;
  const whole = await operator('GET', url);
  t.match(whole, { status: 200 });
  const [header, ...rows] = String(whole.body).trimEnd().split('\r\n');
  t.match(header, /^id,kind,status,/);
  t.equal(rows.length, 5);
  const rest = await operator('GET', `${url}&cursor=${rows[1]?.split(',')[0]}`);
  t.same(String(rest.body).trimEnd().split('\r\n'), [header, ...rows.slice(2)]);
});

t.test('whatever is changed, its trail tells it in sentences, also when who did it is gone', async (t) => {
  const endpoint = await made('/webhooks/endpoints', {
    partnerId: partner.id,
    url: 'https://hooks.mill.example/in',
    eventTypes: [],
  });
  const key = await made('/auth/api-keys', { name: 'till', scopes: ['conversions:write'] }, superAdmin);
  await dataOf(operator('PATCH', `/policies/${policy.id}`, { body: { rate: 12 } }));
  await dataOf(operator('PATCH', `/partners/${partner.id}`, { body: { tier: 'silver' } }));
  const records = {
    commission: ids[0],
    policy: policy.id,
    partner: partner.id,
    user: olga.id,
    api_key: key.id,
    webhook_endpoint: endpoint.id,
  };
  const before = new Map<string, { userId: string | null }[]>();
  for (const [kind, id] of Object.entries(records)) {
    const entries = await trail(kind, id);
    t.ok(entries.length > 0, kind);
    for (const { description, actor, action } of entries) {
      t.ok(
        description.startsWith(`${actor} ${action.replaceAll('_', ' ')} the ${kind.replaceAll('_', ' ')}`),
        description,
      );
    }
    before.set(kind, entries);
  }
  t.ok((await dataOf(superAdmin('GET', `/operations/activity/user/${olga.id}`))).length > 5);

  await dataOf(superAdmin('DELETE', `/users/${olga.id}`));
  t.equal((await superAdmin('GET', `/users/${olga.id}`)).status, 404);
  for (const [kind, id] of Object.entries(records)) {
    const [kept, had] = [await trail(kind, id), before.get(kind) ?? []];
    const forgotten = had.map((row) => ({ ...row, userId: row.userId === olga.id ? null : row.userId }));
    t.same(kept.slice(-had.length), forgotten, kind);
  }
  const [newest] = await trail('user', olga.id);
  t.match(newest, { action: 'deleted', userId: String });
  t.same(await dataOf(superAdmin('GET', `/operations/activity/user/${olga.id}`)), []);
});
