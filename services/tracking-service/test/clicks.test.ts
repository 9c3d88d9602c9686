import { findWriterFaults } from '@tributary/event-catalog';
import type { Database, QueryParam } from '@tributary/schema';
import {
  createTestDatabase,
  insertPartner,
  insertProduct,
  insertReferralCode,
  insertRow,
} from '@tributary/testkit';
import { newId } from '@tributary/runtime';
import t from 'tap';
import { click, countValid, PUBLIC, startTracking } from './tracking-under-test.ts';

const { db } = await createTestDatabase(t);
const tracking = await startTracking(t, { db });
const partner = await insertPartner(db);
const suspended = await insertPartner(db, { status: 'suspended' });
const product = await insertProduct(db);
const { referralCode } = partner;

t.test('every kind of click gets its status, the first in the order of the rule', async (t) => {
  const retired = await insertReferralCode(db, partner.id, { status: 'inactive' });
  const bot = { userAgent: 'Googlebot/2.1 (+http://www.google.com/bot.html)' };
  const internal = { ip: '192.0.2.77' };
  const cases: [string, object, object][] = [
    ['valid', { referralCode, sessionId: 'one' }, {}],
    ['valid', { referralCode: referralCode.toLowerCase(), sessionId: 'two' }, {}],
    ['duplicate', { referralCode, sessionId: 'one' }, {}],
    ['duplicate', { referralCode: referralCode.toUpperCase(), sessionId: 'two' }, {}],
    ['valid', { referralCode, sessionId: 'three', fingerprint: 'f' }, {}],
    ['duplicate', { referralCode, sessionId: 'four', fingerprint: 'f' }, {}],
    ['valid', { referralCode }, {}],
    ['valid', { referralCode }, {}],
    ['bot', { referralCode, sessionId: 'five' }, bot],
    ['internal', { referralCode, sessionId: 'five' }, internal],
    ['internal', { referralCode, sessionId: 'five' }, { ip: '2001:db8:1:2::9' }],
    ['internal', { referralCode, sessionId: 'five' }, { ip: '::ffff:192.0.2.5' }],
    ['bot', { referralCode, sessionId: 'one' }, { ...bot, ...internal }],
    ['invalid', { referralCode: suspended.referralCode, sessionId: 'one' }, {}],
    ['invalid', { referralCode: retired.code, sessionId: 'one' }, {}],
    ['internal', { referralCode: suspended.referralCode }, internal],
    ['valid', { referralCode, sessionId: 'five' }, {}],
  ];
  for (const [status, body, who] of cases) {
    const recorded = await click(tracking, body, who);
    t.equal(recorded.status, status, JSON.stringify([body, who]));
  }
  const { rollup, rows } = await countValid(db);
  t.equal(rows, 6);
  t.equal(rollup, rows);
});

t.test('a click is stored without what names a person, and with all the rest', async (t) => {
  const { clickId } = await click(
    tracking,
    {
      referralCode,
      productId: product.id,
      subId: 'newsletter-7',
      landingUrl: 'https://shop.example/a?b=c',
      referrer: 'https://blog.example/review',
      source: 'social',
      utm: { source: 'blog', medium: 'post', campaign: 'spring' },
      sessionId: 'secret-session',
      fingerprint: 'secret-fingerprint',
    },
    { ip: '203.0.113.77' },
  );
  const [row] = await db.query<Record<string, unknown>>('SELECT * FROM referral_clicks WHERE id = $1', [
    clickId,
  ]);
  t.match(row, {
    partnerId: partner.id,
    productId: product.id,
    referralCode,
    subId: 'newsletter-7',
    landingUrl: 'https://shop.example/a?b=c',
    utmSource: 'blog',
    utmMedium: 'post',
    utmCampaign: 'spring',
    source: 'social',
    ipAnonymized: '203.0.113.0',
    status: 'valid',
  });
  t.notMatch(JSON.stringify(row), /secret|203\.0\.113\.77/);
  const six = await click(tracking, { referralCode }, { ip: '2001:db8:abcd:1234:5678::1' });
  const [v6] = await db.query<{ ipAnonymized: string }>(
    'SELECT ip_anonymized FROM referral_clicks WHERE id = $1',
    [six.clickId],
  );
  t.equal(v6?.ipAnonymized, '2001:db8:abcd::');
});

t.test('what is wrong with a click is named field by field, and unknown codes are not found', async (t) => {
  const wrong = await tracking.post(
    '/tracking/click',
    { referralCode: '', source: 'tv', landingUrl: 'javascript:alert(1)', productId: 'x', ip: '1.1.1.1' },
    PUBLIC,
  );
  t.equal(wrong.status, 400);
  t.same(wrong.body.errors?.map(({ path }) => path).toSorted(), [
    'ip',
    'landingUrl',
    'productId',
    'referralCode',
    'source',
  ]);
  const unknown = await tracking.post('/tracking/click', { referralCode: 'NOBODY' }, PUBLIC);
  t.match(unknown, { status: 404, body: { code: 'REFERRAL_CODE_NOT_FOUND' } });
  const noProduct = await tracking.post('/tracking/click', { referralCode, productId: newId() }, PUBLIC);
  t.match(noProduct, { status: 400, body: { errors: [{ path: 'productId' }] } });
});

t.test('a duplicate is one for 24 hours and no longer', async (t) => {
  const first = await click(tracking, { referralCode, sessionId: 'returning' });
  const aged = (hours: number) =>
    db.query(
      'UPDATE referral_clicks SET clicked_at = clicked_at - make_interval(hours => $2::int) WHERE id = $1',
      [first.clickId, hours],
    );
  await aged(23);
  t.equal((await click(tracking, { referralCode, sessionId: 'returning' })).status, 'duplicate');
  await aged(1);
  t.equal(
    (await click(tracking, { referralCode, sessionId: 'returning' })).status,
    'valid',
    'a duplicate makes no duplicate',
  );
});

t.test('200 clicks at once are stored once each, in few statements, with one event for each', async (t) => {
  const before = await countValid(db);
  const published = tracking.published.length;
  const clicks = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      click(tracking, { referralCode, sessionId: `crowd-${index % 100}` }),
    ),
  );
  t.equal(new Set(clicks.map(({ clickId }) => clickId)).size, 200);
  t.equal(clicks.filter(({ status }) => status === 'valid').length, 100);
  t.equal(clicks.filter(({ status }) => status === 'duplicate').length, 100);
  const ids = clicks.map(({ clickId }) => clickId);
  const stored = await db.query<{ id: string; status: string; statement: string }>(
    'SELECT id, status, xmin::text AS statement FROM referral_clicks WHERE id = ANY($1::uuid[])',
    [ids],
  );
  t.equal(stored.length, 200);
  const answered = new Map(clicks.map(({ clickId, status }) => [clickId, status]));
  t.ok(stored.every(({ id, status }) => answered.get(id) === status));
  const statements = new Set(stored.map(({ statement }) => statement)).size;
  t.ok(statements <= 20, `${statements} statements`);
  const events = tracking.published.slice(published);
  t.equal(events.length, statements);
  for (const event of events) t.same(findWriterFaults(event), []);
  const told = events.flatMap((event) => (event.type === 'click.recorded' ? event.data.clicks : []));
  t.same(told.map(({ clickId }) => clickId).toSorted(), ids.toSorted());
  const after = await countValid(db);
  t.equal(after.rows - before.rows, 100);
  t.equal(after.rollup, after.rows);
});

t.test(
  'clicks are counted each, by what they were found to be, however few events tell of them',
  async (t) => {
    const counting = await startTracking(t, { db });
    const counted = (status: string, clicks: number) =>
      counting.metric(`clicks_recorded_total{status="${status}",service="tracking-service"} ${clicks}\n`);
    t.ok(await counted('valid', 0));
    const bot = { userAgent: 'Googlebot/2.1 (+http://www.google.com/bot.html)' };
    await Promise.all([
      ...Array.from({ length: 30 }, (_, index) =>
        click(counting, { referralCode, sessionId: `counted-${index}` }),
      ),
      click(counting, { referralCode, sessionId: 'counted-0' }),
      click(counting, { referralCode }, bot),
      click(counting, { referralCode }, bot),
    ]);
    t.ok(counting.published.length < 20);
    t.ok(await counted('valid', 30));
    t.ok(await counted('duplicate', 1));
    t.ok(await counted('bot', 2));
  },
);

t.test(
  'of clicks that share a key only one is valid, in two processes at once, whatever the chain',
  async (t) => {
    const other = await startTracking(t, { db });
    for (let round = 0; round < 10; round += 1) {
      const clicks = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          click(index % 2 === 0 ? tracking : other, {
            referralCode,
            sessionId: `racer-${round}`,
            ...(index % 3 === 0 ? { fingerprint: `device-${round}-${index % 4}` } : {}),
          }),
        ),
      );
      t.equal(clicks.filter(({ status }) => status === 'valid').length, 1, `round ${round}`);
    }
    const { rollup, rows } = await countValid(db);
    t.equal(rollup, rows);
  },
);

t.test('a chain that shares keys in part is judged against valid clicks only', async (t) => {
  const chain = await Promise.all([
    click(tracking, { referralCode, sessionId: 'chain-1', fingerprint: 'chain-a' }),
    click(tracking, { referralCode, sessionId: 'chain-1', fingerprint: 'chain-b' }),
    click(tracking, { referralCode, sessionId: 'chain-2', fingerprint: 'chain-b' }),
  ]);
  const valid = chain.filter(({ status }) => status === 'valid').length;
  // The middle one repeats the first. Whether the third is judged before or after it, nothing valid shares its keys.
  t.same([chain[0]?.status, chain[1]?.status, valid], ['valid', 'duplicate', 2]);
});

/** A value of one click that only the database refuses must not fail the others of its statement. */
t.test('one click that Postgres refuses fails alone', async (t) => {
  const refusing: Database = {
    ...db,
    query: <Row extends object>(text: string, params: readonly QueryParam[] = []) => {
      const poisoned = params.map((param) =>
        Array.isArray(param) && param.includes('poison')
          ? param.map((value) => (value === 'poison' ? '\u0000' : value))
          : param,
      );
      return db.query<Row>(text, poisoned);
    },
  };
  const fragile = await startTracking(t, { db: refusing });
  const answers = await Promise.all(
    ['fine', 'poison', 'good'].map((subId) =>
      fragile.post('/tracking/click', { referralCode, subId }, PUBLIC),
    ),
  );
  t.same(
    answers.map(({ status }) => status),
    [201, 400, 201],
  );
});

t.test('a suspension is obeyed as soon as its event comes', async (t) => {
  const victim = await insertPartner(db);
  t.equal((await click(tracking, { referralCode: victim.referralCode, sessionId: 's1' })).status, 'valid');
  await db.query(`UPDATE partners SET status = 'suspended' WHERE id = $1`, [victim.id]);
  t.equal(
    (await click(tracking, { referralCode: victim.referralCode, sessionId: 's2' })).status,
    'valid',
    'cached',
  );
  tracking.onEvent({ type: 'partner.updated' } as never);
  t.equal((await click(tracking, { referralCode: victim.referralCode, sessionId: 's3' })).status, 'invalid');
  t.ok(await tracking.metric('cache_hit_rate{cache="referral_codes"'));
});

t.test('lists and statistics show a partner its own clicks and staff all', async (t) => {
  const mine = await insertPartner(db);
  for (let index = 0; index < 5; index += 1) {
    await click(tracking, {
      referralCode: mine.referralCode,
      sessionId: `mine-${index}`,
      subId: index < 2 ? 'a' : 'b',
    });
  }
  await click(tracking, { referralCode: mine.referralCode, sessionId: 'mine-0' });
  const own = { role: 'partner', partnerId: mine.id } as const;
  const first = await tracking.get('/tracking/clicks?limit=4', own);
  t.match(first, { status: 200, body: { meta: { total: 6, page: 1, totalPages: 2 } } });
  const { nextCursor } = first.body.meta as { nextCursor: string };
  const second = await tracking.get(`/tracking/clicks?limit=4&cursor=${nextCursor}`, own);
  const ids = [...(first.body.data as { id: string }[]), ...(second.body.data as { id: string }[])].map(
    ({ id }) => id,
  );
  t.equal(new Set(ids).size, 6);
  t.same(ids, ids.toSorted().toReversed());
  t.notOk((second.body.meta as { nextCursor?: string }).nextCursor);
  t.match(await tracking.get('/tracking/clicks?subId=a&status=valid', own), { body: { meta: { total: 2 } } });
  t.match(await tracking.get(`/tracking/clicks?partnerId=${partner.id}`, own), {
    status: 200,
    body: { data: [] },
  });
  t.match(await tracking.get(`/tracking/clicks?partnerId=${mine.id}`), { body: { meta: { total: 6 } } });
  const code = mine.referralCode.toLowerCase();
  t.match(await tracking.get(`/tracking/clicks?referralCode=${code}`), { body: { meta: { total: 6 } } });
  t.match(await tracking.get(`/tracking/clicks/stats?referralCode=${code}`), {
    body: { data: { totalClicks: 5 } },
  });
  t.match(await tracking.get('/tracking/clicks?referralCode=nobodys'), { body: { data: [] } });
  t.match(await tracking.get('/tracking/clicks/stats', own), {
    body: {
      data: { totalClicks: 5, statusBreakdown: { valid: 5, duplicate: 1, bot: 0 } },
    },
  });
  const elsewhere = await tracking.get(`/tracking/conversions?cursor=${nextCursor}`, own);
  t.match(elsewhere, { status: 400, body: { errors: [{ path: 'cursor' }] } });
  const stranger = await insertPartner(db);
  t.match(await tracking.get(`/tracking/clicks/${ids[0]}`, own), {
    status: 200,
    body: { data: { id: ids[0] } },
  });
  t.equal(
    (await tracking.get(`/tracking/clicks/${ids[0]}`, { role: 'partner', partnerId: stranger.id })).status,
    404,
  );
  t.equal((await tracking.get('/tracking/clicks', PUBLIC)).status, 401);
  t.equal((await tracking.get('/tracking/clicks?dateFrom=2026-02-01&dateTo=2026-01-01', own)).status, 400);
  for (const list of ['clicks', 'conversions', 'commissions']) {
    const wrong = `/tracking/${list}?dateFrom=2026-02-01&dateTo=2026-01-01&limit=0&surprise=1`;
    const named = (await tracking.get(wrong, own)).body.errors?.map(({ path }) => path);
    t.same(named?.toSorted(), ['dateFrom', 'limit', 'surprise'], list);
  }
});

t.test('settings that hold what they should not fall back to the defaults', async (t) => {
  await insertRow(db, 'settings', { key: 'reportingTimeZone', value: 'Mars/Olympus' });
  tracking.onEvent({ type: 'setting.changed' } as never);
  t.equal((await tracking.get('/tracking/clicks?dateFrom=2026-01-01')).status, 200);
});
