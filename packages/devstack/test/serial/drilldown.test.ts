import { waitFor } from '@tributary/testkit';
import t, { type Test } from 'tap';

import { followJob } from '../../src/jobs/follow-job.ts';
import { type Call, clientOf, dataOf, loggedIn } from '../api-client.ts';
import { startPlatform } from '../platform.ts';

const platform = await startPlatform(t);
const shop = clientOf(platform, platform.apiKey);
const admin = await loggedIn(platform, platform.admin);
const partner = await loggedIn(platform, platform.partner);

const RANGE = new URLSearchParams({
  dateFrom: new Date(Date.now() - 3_600_000).toISOString(),
  dateTo: new Date(Date.now() + 3_600_000).toISOString(),
}).toString();

const DASHBOARDS = ['funnel', 'kpi', 'policy-performance', 'partner-tiers', 'trends?interval=hour'];

/** Orders of two partners in two currencies, as a file; two of its lines are wrong. */
async function importOrders(): Promise<Record<string, unknown>> {
  const order = (n: number, fields: object = {}) => ({
    orderId: `F-${n}`,
    sku: n % 3 === 0 ? 'LAMP-2' : 'LAMP-1',
    orderAmount: 20 + n,
    currency: n % 5 === 0 ? 'EUR' : 'USD',
    referralCode: n % 4 === 0 ? 'OTHERS' : 'HARBOUR',
    confirmed: n % 6 !== 0,
    ...fields,
  });
  const lines = Array.from({ length: 40 }, (_, n) => order(n + 1));
  const text = [...lines, order(41, { sku: 'NOWHERE' }), { orderId: 'F-42' }]
    .map((line) => JSON.stringify(line))
    .join('\n');
  const job = await dataOf(
    shop('POST', '/tracking/conversions/import', {
      body: text,
      headers: { 'content-type': 'application/x-ndjson' },
    }),
    202,
  );
  return waitFor(
    async () => {
      const now = await dataOf(admin('GET', `/operations/jobs/${job.id}?limit=100`));
      return now.finishedAt === null ? undefined : now;
    },
    { timeoutMs: 30_000, what: 'the end of the import' },
  );
}

const commissionsOf = (query: string) => dataOf(admin('GET', `/operations/commissions?${query}&limit=100`));

/** Some of everything: confirmed, adjusted, cancelled, paid, refunded before and after, clawed back, a bonus. */
async function liveOn(): Promise<void> {
  const pending: { id: string; conversionId: string; currency: string }[] = await commissionsOf(
    'status=pending&sort=createdAt&currency=USD',
  );
  const act = (index: number, action: string, body: object) =>
    dataOf(admin('POST', `/operations/commissions/${pending[index]?.id}/${action}`, { body }));
  const refund = (index: number, refundAmount: number) =>
    dataOf(
      shop('POST', `/tracking/conversions/${pending[index]?.conversionId}/refund`, {
        body: { refundAmount, refundId: `R-${index}`, reason: 'came back' },
      }),
    );
  const reason = 'as the test wants';
  for (const index of [0, 1, 2, 3]) await act(index, 'confirm', { reason });
  for (const index of [0, 1])
    await act(index, 'pay', { paymentMethod: 'bank', paymentReference: `P-${index}` });
  await act(4, 'adjust', { newAmount: 7.77, reason });
  await act(5, 'cancel', { reason });
  await refund(0, 5);
  await refund(6, 3);
  await dataOf(
    admin('POST', '/operations/commissions', {
      body: { partnerId: platform.partnerId, amount: 12.5, currency: 'USD', reason },
    }),
    201,
  );
}

/** Every row of a list, however many pages it has. */
async function rowsOf(call: Call, link: string): Promise<Record<string, number>[]> {
  const rows: Record<string, number>[] = [];
  let cursor = '';
  do {
    const path = `${link.replace('/api/v1', '')}&limit=100${cursor}`;
    const answer = await call('GET', path);
    if (answer.status !== 200)
      throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    rows.push(...answer.body.data);
    const { nextCursor } = answer.body.meta;
    cursor = nextCursor === undefined ? '' : `&cursor=${encodeURIComponent(nextCursor)}`;
  } while (cursor !== '');
  return rows;
}

const COUNTED =
  /^(totalClicks|totalConversions|totalCommissions|statusBreakdown\..*|refundCount|pendingCommissions|commissionsReadyForPayment|clicks|conversions|commissions|topPolicy.commissions|topProduct.conversions)$/;
const QUOTIENT = /(Rate|roi)$|^avg/;

/** What the rows of a figure's lists add up to; undefined for quotients, which have lists for both sides. */
function sumOf(name: string, rows: readonly Record<string, number>[]): number | undefined {
  if (QUOTIENT.test(name)) return undefined;
  if (COUNTED.test(name)) return rows.length;
  const isTaken = name === 'totalClawedBack' || name === 'clawbacksToNet';
  const cents = rows
    .map(
      (row) =>
        row['attributedAmount'] ?? (name === 'totalRevenue' ? row['orderAmount'] : row['commissionAmount']),
    )
    .reduce<number>((sum, amount) => sum + Math.round((amount ?? Number.NaN) * 100), 0);
  return (isTaken ? -cents : cents) / 100;
}

const valueAt = (data: Record<string, unknown>, name: string): unknown =>
  name.split('.').reduce<unknown>((value, part) => (value as Record<string, unknown> | null)?.[part], data);

interface Dashboard {
  readonly data: unknown;
  readonly meta: { period: { from: string; to: string }; drilldown: Record<string, string[]> };
}

/** Follows every link of a dashboard and compares; answers how many figures there were. */
async function follow(t: Pick<Test, 'equal'>, call: Call, path: string): Promise<number> {
  const { body } = await call('GET', `/dashboard/${path}${path.includes('?') ? '&' : '?'}${RANGE}`);
  const { data, meta } = body as Dashboard;
  const objects = (Array.isArray(data) ? data : [data]) as Record<string, unknown>[];
  let followed = 0;
  for (const [index, object] of objects.entries()) {
    const { start = meta.period.from } = object as { start?: string };
    const next = (objects[index + 1] as { start?: string } | undefined)?.start;
    const bounds = { from: start > meta.period.from ? start : meta.period.from, to: next ?? meta.period.to };
    const figures = Object.entries(meta.drilldown).filter(([name]) => valueAt(object, name) !== undefined);
    for (const [name, links] of figures) {
      const top = name.split('.')[0] ?? '';
      const fill = (link: string): string =>
        link
          .replace('{from}', encodeURIComponent(bounds.from))
          .replace('{to}', encodeURIComponent(bounds.to))
          .replace('{id}', String((object[top] as { id?: string } | null)?.id))
          .replace(/\{(\w+Id)\}/, (_all, field: string) => String(object[field]));
      const rows = (await Promise.all(links.map((link) => rowsOf(call, fill(link))))).flat();
      const sum = sumOf(name, rows);
      if (sum !== undefined) t.equal(sum, valueAt(object, name), `${path} ${name}`);
      followed += 1;
    }
  }
  return followed;
}

for (const [index, sku] of ['LAMP-1', 'LAMP-2'].entries()) {
  const body = { sku, name: `Lamp ${index}`, price: 50, currency: 'USD' };
  await dataOf(admin('POST', '/products', { body }), 201);
}
const policy = { code: 'everything', name: 'Everything', type: 'percentage', rate: 10 };
await dataOf(admin('POST', '/policies', { body: policy }), 201);
await dataOf(
  admin('POST', '/partners', {
    body: { name: 'Others', email: 'others@example.com', referralCode: 'OTHERS' },
  }),
  201,
);
for (const sessionId of ['one', 'two', 'three']) {
  const body = { referralCode: 'HARBOUR', sessionId };
  const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0 Safari/537.36' };
  await dataOf(clientOf(platform)('POST', '/tracking/click', { body, headers }), 201);
}

t.test('a file of orders is imported through the gateway, with a result for each line', async (t) => {
  const job = await importOrders();
  t.match(job, { status: 'succeeded', total: 42, succeeded: 40, failed: 2, resultsTotal: 42 });
  await liveOn();
  const changedAt = Date.now();
  await waitFor(async () => {
    const { body } = await admin('GET', '/dashboard/funnel');
    return Date.parse(body.meta.asOf ?? 0) > changedAt;
  });
});

t.test('the rows behind every figure add up to it, for staff and for a partner', async (t) => {
  for (const [caller, call] of Object.entries({ admin, partner })) {
    for (const dashboard of DASHBOARDS) {
      const figures = await follow(t, call, dashboard);
      t.ok(figures > 3, `${caller} ${dashboard} has ${figures} figures with links`);
    }
  }
});

t.test('an overview has the links of its parts', async (t) => {
  const { body } = await admin('GET', `/dashboard/overview?${RANGE}`);
  const funnel = await admin('GET', `/dashboard/funnel?${RANGE}`);
  t.same(body.meta.drilldown['funnel.totalClicks'], funnel.body.meta.drilldown.totalClicks);
  t.ok(body.meta.drilldown['kpi.paymentsReadyAmount'] && body.meta.drilldown['trends.revenue']);
});

t.test('what waits too long, and what is not paid, is behind its link row by row', async (t) => {
  const counts = async (call: Call): Promise<Record<string, number>> => {
    const { body } = await call('GET', `/dashboard/overview?${RANGE}&currency=EUR`);
    const found: Record<string, number> = {};
    for (const { kind, count } of body.data.attention as { kind: string; count: number }[]) {
      const links: string[] = body.meta.drilldown[`attention.${kind}`] ?? [];
      const rows = (await Promise.all(links.map((link) => rowsOf(call, link)))).flat();
      t.equal(rows.length, count, `${kind}: ${links.join()}`);
      found[kind] = count;
    }
    return found;
  };
  await platform.owner.query(
    `WITH waiting AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM commissions WHERE status = 'pending')
     UPDATE commissions c SET hold_until = now() - interval '1 hour', review_hold = (waiting.place = 1),
       created_at = c.created_at - interval '90 days'
     FROM waiting WHERE waiting.id = c.id AND waiting.place <= 4`,
  );
  await platform.owner.query('UPDATE partners SET payment_hold = (id = $1)', [platform.partnerId]);
  const found = await counts(admin);
  t.equal(found['commissions_past_hold'], 3, 'but for the one that a person holds');
  t.ok((found['payments_on_hold'] ?? 0) > 0);
  await platform.owner.query('UPDATE partners SET payment_hold = NOT payment_hold');
  t.ok(
    ((await counts(partner))['payments_on_hold'] ?? 0) === 0,
    'what is held of others is none of its business',
  );
  const past = '/operations/commissions?attention=payments_on_hold&asOf=2026-01-01';
  t.match(await admin('GET', past), { status: 400, body: { errors: [{ path: 'attention' }] } });
});

t.test('rebuilding the running stack tells its progress and changes no figure', async (t) => {
  const before = (await admin('GET', `/dashboard/kpi?${RANGE}`)).body.data;
  await platform.owner.query('UPDATE rollup_program_hours SET revenue = revenue + 1');
  const seen: string[] = [];
  const job = await followJob({
    stack: platform,
    name: 'rebuild-rollups',
    parameters: {},
    onProgress: ({ status }) => seen.push(status),
  });
  t.match(job, { status: 'succeeded', failed: 0 });
  t.ok(job.succeeded >= 1 && seen.at(-1) === 'succeeded');
  await waitFor(async () => {
    const { totalRevenue } = (await admin('GET', `/dashboard/kpi?${RANGE}`)).body.data;
    return totalRevenue === before.totalRevenue;
  });
  t.pass('the figures are those of the base tables');
});
