import t from 'tap';
import { createTestDatabase } from '@tributary/testkit';
import { rebuildRollups } from '@tributary/rollups';
import { openDashboards, partnerIdentity } from './harness.ts';
import { HISTORY, insertHistory } from './random-history.ts';

const DASHBOARDS = ['funnel', 'policy-performance', 'partner-tiers', 'kpi', 'trends', 'overview'];
const RANGE = 'dateFrom=2026-02-20&dateTo=2026-04-21';

const { db, owner } = await createTestDatabase(t);
const { partners } = await insertHistory(owner, 200);
await rebuildRollups({ db }, { programId: 'default', ...HISTORY, to: new Date('2026-07-01') });
const get = await openDashboards(t, db);
const [partner] = partners;
if (partner === undefined) throw new Error('the history has partners');

t.test('a partner sees its own figures and nobody else', async (t) => {
  const identity = partnerIdentity(partner.id);
  const tiers = await get(`partner-tiers?${RANGE}`, identity);
  t.match(tiers, { status: 200, meta: { total: 1 } });
  t.same(
    tiers.data.map(({ partnerId }: { partnerId: string }) => partnerId),
    [partner.id],
  );
  const everybody = await get(`partner-tiers?${RANGE}`);
  t.equal(everybody.data.length, partners.length);
  const own = everybody.data.find(({ partnerId }: { partnerId: string }) => partnerId === partner.id);
  t.strictSame(tiers.data[0], own);
  const kpi = await get(`kpi?${RANGE}`, identity);
  t.equal(kpi.data.topPartner.id, partner.id);
  t.equal(kpi.data.totalConversions, own.totalConversions);
  t.same((await get(`overview?${RANGE}`, identity)).data.kpi, kpi.data);
});

t.test('an unknown partner has zeros and no tops', async (t) => {
  const { data } = await get(`kpi?${RANGE}`, partnerIdentity('01890000-0000-7000-8000-000000000000'));
  t.match(data, { totalClicks: 0, totalRevenue: 0, overallConversionRate: 0 });
  t.same([data.topPartner, data.topPolicy, data.topProduct], [null, null, null]);
});

t.test('a range in which nothing can be has zeros', async (t) => {
  for (const identity of [{}, partnerIdentity(partner.id)]) {
    for (const dashboard of DASHBOARDS) {
      const answer = await get(`${dashboard}?dateFrom=2026-03-01&dateTo=2026-03-01`, identity);
      t.equal(answer.status, 200, dashboard);
    }
  }
  t.match((await get('kpi?dateFrom=2026-03-01&dateTo=2026-03-01')).data, {
    totalClicks: 0,
    topPartner: null,
  });
  t.same((await get('trends?dateFrom=2026-03-01&dateTo=2026-03-01')).data, []);
});

t.test('every dashboard asks for analytics:read', async (t) => {
  for (const dashboard of DASHBOARDS) {
    const refused = await get(dashboard, { kind: 'api_key', scopes: ['operations:read'] });
    t.match(refused, { status: 403, body: { code: 'FORBIDDEN' } }, dashboard);
    t.equal((await get(dashboard, { kind: 'api_key', scopes: ['analytics:read'] })).status, 200, dashboard);
  }
});

t.test('wrong queries are refused with every wrong field named', async (t) => {
  for (const dashboard of DASHBOARDS) {
    const answer = await get(`${dashboard}?dateFrom=yesterday&currency=usd&partnerId=x`);
    t.equal(answer.status, 400, dashboard);
    const paths = new Set((answer.body['errors'] as { path: string }[]).map(({ path }) => path));
    for (const path of ['dateFrom', 'currency', 'partnerId']) t.ok(paths.has(path), `${dashboard} ${path}`);
  }
  t.equal((await get('funnel?dateFrom=2026-03-02&dateTo=2026-03-01')).status, 400, 'reversed');
  t.equal((await get('trends?interval=minute')).status, 400);
  t.match((await get('trends?interval=hour&dateFrom=2001-01-01')).body, { code: 'VALIDATION_ERROR' });
  t.equal((await get('partner-tiers?limit=101')).status, 400);
});

t.test('currency, time zone and period come from the settings unless asked for', async (t) => {
  await owner.query(
    `INSERT INTO settings (key, value) VALUES ('currency', '"EUR"'), ('reportingTimeZone', '"America/New_York"')`,
  );
  const { meta } = await get('funnel?dateFrom=2026-03-08&dateTo=2026-03-09');
  t.match(meta, {
    currency: 'EUR',
    period: { from: '2026-03-08T05:00:00.000Z', to: '2026-03-09T04:00:00.000Z' },
    cached: false,
  });
  const days = await get('trends?dateFrom=2026-03-07&dateTo=2026-03-10');
  t.same(
    days.data.map(({ start }: { start: string }) => start),
    ['2026-03-07T05:00:00.000Z', '2026-03-08T05:00:00.000Z', '2026-03-09T04:00:00.000Z'],
  );
  const hours = await get('trends?interval=hour&dateFrom=2026-03-08&dateTo=2026-03-09');
  t.equal(hours.data.length, 23, 'the day on which an hour is skipped');
  await owner.query('DELETE FROM settings');
});

t.test('partners are paged, the total known on every page', async (t) => {
  const pages = [
    await get(`partner-tiers?${RANGE}&limit=3`),
    await get(`partner-tiers?${RANGE}&limit=3&page=2`),
  ];
  const beyond = await get(`partner-tiers?${RANGE}&limit=3&page=9`);
  const all = (await get(`partner-tiers?${RANGE}`)).data;
  t.same(
    pages.flatMap(({ data }) => data),
    all.slice(0, 6),
  );
  t.match(beyond, { status: 200, data: [], meta: { total: partners.length, totalPages: 3, page: 9 } });
});

t.test('equal requests at once share one computation', async (t) => {
  const answers = await Promise.all(Array.from({ length: 5 }, () => get(`overview?${RANGE}`)));
  t.equal(answers.filter(({ meta }) => !meta.cached).length, 1);
  for (const { data } of answers) t.strictSame(data, answers[0]?.data);
});
