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

const MANY = 10_000;

/** Bonuses, which need no order behind them, each with the entry of its creation. */
async function insertBonuses(partnerId: string): Promise<void> {
  await platform.owner.query(
    `WITH made AS (
       INSERT INTO commissions (id, kind, partner_id, status, commission_amount, order_amount, basis_amount, basis_left, currency)
       SELECT uuidv7(), 'bonus', $1, 'confirmed', 10, 0, 10, 0, 'USD' FROM generate_series(1, $2) RETURNING *)
     INSERT INTO commission_entries (commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after,
       status_after, actor, at)
     SELECT id, 1, partner_id, kind, currency, 'created', 10, 10, status, 'test', created_at FROM made`,
    [partnerId, MANY],
  );
}

/** Lets each statement that changes commissions take a while, so that there is time to kill and to cancel between them. */
async function slowDownChanges(): Promise<void> {
  await platform.owner.query(`CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END $$`);
  await platform.owner.query(`CREATE TRIGGER slow BEFORE INSERT ON commission_entries
    FOR EACH STATEMENT EXECUTE FUNCTION take_a_while()`);
}

/** Starts a change of all these bonuses, and answers once some of them are done. */
async function halfWay(partnerId: string, newAmount: number) {
  const body = { action: 'adjust', params: { newAmount, reason: 'all of them' }, filter: { partnerId } };
  const { id } = await dataOf(shop('POST', '/operations/commissions/bulk', { body }), 202);
  const isUnderWay = async () => (await dataOf(shop('GET', `/operations/jobs/${id}`))).succeeded > 0;
  await waitFor(isUnderWay, { timeoutMs: 60_000, what: 'the first progress of the job' });
  return id;
}

const untilEnded = (id: string) =>
  waitFor(
    async () => {
      const job = await dataOf(shop('GET', `/operations/jobs/${id}`));
      return ['queued', 'running'].includes(job.status) ? undefined : job;
    },
    { timeoutMs: 90_000, what: 'the end of the job' },
  );

/** What a job has left behind: entries and audit rows that name it, and how many commissions they are of. */
async function tracesOf(jobId: string) {
  const [traces] = await platform.owner.query(
    `SELECT (SELECT count(*)::int FROM commission_entries WHERE job_id = $1) AS entries,
       (SELECT count(DISTINCT commission_id)::int FROM commission_entries WHERE job_id = $1) AS commissions,
       (SELECT count(*)::int FROM audit_logs WHERE job_id = $1 AND entity_type = 'commission') AS audit_rows,
       (SELECT count(DISTINCT entity_id)::int FROM audit_logs WHERE job_id = $1 AND entity_type = 'commission') AS audited`,
    [jobId],
  );
  return { ...traces };
}

const onceEach = (count: number) => ({
  entries: count,
  commissions: count,
  auditRows: count,
  audited: count,
});

t.test(
  'a bulk change whose process is killed goes on where it was, and changes each commission once',
  async (t) => {
    const body = { name: 'Tower', email: 'tower@example.com' };
    const { id: partnerId } = await dataOf(shop('POST', '/partners', { body }), 201);
    await insertBonuses(partnerId);
    await slowDownChanges();
    const scheduler = platform.services['batch-scheduler'];
    const id = await halfWay(partnerId, 11);
    await scheduler.kill();
    const halted = await dataOf(shop('GET', `/operations/jobs/${id}`));
    t.match(halted, { status: 'running', total: MANY });
    t.ok(halted.succeeded < MANY, `killed after ${halted.succeeded}`);
    await scheduler.restart();
    t.match(await untilEnded(id), { status: 'succeeded', total: MANY, succeeded: MANY, failed: 0 });
    t.same(await tracesOf(id), onceEach(MANY));

    const second = await halfWay(partnerId, 12);
    t.equal((await shop('POST', `/operations/jobs/${second}/cancel`)).status, 200);
    const cancelled = await untilEnded(second);
    t.match(cancelled, { status: 'cancelled', failed: 0 });
    t.ok(cancelled.succeeded > 0 && cancelled.succeeded < MANY, `cancelled after ${cancelled.succeeded}`);
    t.same(await tracesOf(second), onceEach(cancelled.succeeded));
  },
);
