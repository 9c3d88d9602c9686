import type { EventEnvelope } from '@tributary/event-catalog';
import { findWriterFaults } from '@tributary/event-catalog';
import { connect } from '@tributary/schema';
import { createTestDatabase, identityHeaders, insertPartner, waitFor } from '@tributary/testkit';
import t from 'tap';
import { PUBLIC, startTracking, type UnderTest } from './tracking-under-test.ts';

const { db } = await createTestDatabase(t);
const tracking = await startTracking(t, { db });
const partner = await insertPartner(db);
const { referralCode } = partner;

async function follow(
  { app }: UnderTest,
  url: string,
  headers: Record<string, string> = {},
  method: 'GET' | 'HEAD' = 'GET',
) {
  const answer = await app.inject({
    method,
    url,
    headers: { ...identityHeaders({ service: 'tracking-service', ...PUBLIC }), ...headers },
  });
  const location = new URL(String(answer.headers.location));
  return { status: answer.statusCode, location, cookies: answer.cookies, answer };
}

const clicksOf = (code: string) =>
  db.query<{
    id: string;
    status: string;
    subId: string | null;
    utmSource: string | null;
    utmMedium: string | null;
    landingUrl: string;
    source: string;
  }>('SELECT * FROM referral_clicks WHERE referral_code = $1 ORDER BY id', [code]);

t.test('a link redirects with the click and the code, sets the cookie and counts the click', async (t) => {
  const { status, location, cookies, answer } = await follow(
    tracking,
    `/r/${referralCode.toLowerCase()}?to=${encodeURIComponent('https://shop.example/tents?size=2')}&subId=mail-3&utm_source=blog&fbclid=xyz&fbclid=abc`,
  );
  t.equal(status, 302);
  t.equal(location.origin + location.pathname, 'https://shop.example/tents');
  t.equal(location.searchParams.get('size'), '2');
  t.equal(location.searchParams.get('ref'), referralCode);
  const [click] = await clicksOf(referralCode);
  t.match(click, {
    id: location.searchParams.get('click_id') ?? '',
    status: 'valid',
    subId: 'mail-3',
    utmSource: 'blog',
    source: 'web',
  });
  t.match(cookies, [{ name: 'tributary_visitor', httpOnly: true, sameSite: 'Lax', path: '/' }]);
  t.equal(answer.headers['cache-control'], 'no-store');
  const cookie = `tributary_visitor=${cookies[0]?.value}`;
  await follow(tracking, `/r/${referralCode}`, { cookie });
  const posted = await tracking.app.inject({
    method: 'POST',
    url: '/tracking/click',
    headers: { ...identityHeaders({ service: 'tracking-service', ...PUBLIC }), cookie },
    payload: { referralCode, sessionId: 'the cookie goes before it' },
  });
  t.match(posted.json(), { data: { status: 'duplicate' } });
  const clicks = await clicksOf(referralCode);
  t.same(
    clicks.map((one) => one.status),
    ['valid', 'duplicate', 'duplicate'],
  );
});

t.test('HEAD does not count, and over the limit a click is only marked', async (t) => {
  const own = await insertPartner(db);
  const head = await follow(tracking, `/r/${own.referralCode}?to=https://shop.example/x`, {}, 'HEAD');
  t.equal(head.location.href, 'https://shop.example/x');
  t.same(await clicksOf(own.referralCode), []);
  const marked = await follow(tracking, `/r/${own.referralCode}`, { 'x-tributary-over-limit': 'true' });
  t.equal(marked.status, 302);
  t.match(await clicksOf(own.referralCode), [{ status: 'rate_limited' }]);
});

t.test(
  'a link redirects and counts whatever hangs onto it, text that cannot be stored as well',
  async (t) => {
    const own = await insertPartner(db);
    const queries = [
      'utm_term=%00',
      'utm_source=%00&utm_medium=a%00b&sub_id=%00',
      'subId=%ED%A0%80&%00=1&utm_campaign=%zz%',
      `to=${encodeURIComponent('https://shop.example/\u0000?q=\u0000')}`,
    ];
    for (const query of queries) {
      const { status, location } = await follow(tracking, `/r/${own.referralCode}?${query}`);
      t.match({ status, origin: location.origin }, { status: 302, origin: 'https://shop.example' }, query);
      const inspected = await follow(tracking, `/r/${own.referralCode}?${query}`, {}, 'HEAD');
      t.match(inspected, { status: 302 }, query);
    }
    const clicks = await clicksOf(own.referralCode);
    t.equal(clicks.length, queries.length);
    t.match(clicks[1], { utmSource: null, utmMedium: 'ab', subId: null });
  },
);

t.test(
  'the document that the gateway routes by has both methods of a link, open to the public and limited by none',
  async (t) => {
    const document = await tracking.app.inject('/internal/openapi.json');
    const { paths } = document.json<{ paths: Record<string, Record<string, object>> }>();
    for (const method of ['get', 'head']) {
      t.match(paths['/r/{referralCode}']?.[method], { 'x-required-scope': 'public', 'x-rate-class': 'none' });
    }
  },
);

t.test('unknown, impossible and strange codes get a 404 page, no cookie, and store nothing', async (t) => {
  for (const code of [
    'NOBODY',
    'x',
    'a'.repeat(200),
    '%F0%9F%98%80',
    "'%20OR%201=1",
    '..%2f..%2f',
    'https:%2F%2Fevil.example',
  ]) {
    const { statusCode, headers, body } = await tracking.app.inject({
      url: `/r/${code}?to=https://evil.example`,
      headers: {
        ...identityHeaders({ service: 'tracking-service', ...PUBLIC }),
        accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
      },
    });
    t.equal(statusCode, 404, code);
    t.match(headers['content-type'], 'text/html', code);
    t.equal(headers['set-cookie'], undefined, code);
    t.match(body, 'href="https://shop.example/"', code);
    t.notMatch(body, 'evil.example', code);
  }
  t.same(await db.query(`SELECT id FROM referral_clicks WHERE partner_id IS NULL`), []);
});

t.test('who is no browser is told of an unknown code by a problem document', async (t) => {
  for (const accept of [undefined, '*/*', 'application/json']) {
    const answer = await tracking.app.inject({
      url: '/r/NOBODY',
      headers: {
        ...identityHeaders({ service: 'tracking-service', ...PUBLIC }),
        ...(accept === undefined ? {} : { accept }),
      },
    });
    t.match(
      answer.json(),
      { success: false, status: 404, code: 'REFERRAL_CODE_NOT_FOUND' },
      accept ?? 'none',
    );
    t.match(answer.headers, {
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
    });
    t.equal(answer.headers['set-cookie'], undefined);
  }
  const document = await tracking.app.inject('/internal/openapi.json');
  const { paths } = document.json<{
    paths: Record<string, { get?: { responses: Record<string, object> } }>;
  }>();
  t.match(paths['/r/{referralCode}']?.get?.responses['404'], {
    content: { 'text/html': {}, 'application/problem+json': {} },
  });
});

t.test(
  'with Postgres away a link goes on and spills its click, which is stored once however often it comes',
  async (t) => {
    const gone = connect({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
    t.teardown(() => gone.close());
    const spilled: EventEnvelope<'click.spilled'>[] = [];
    const stranded = await startTracking(t, { db: gone, spill: async (event) => void spilled.push(event) });
    const own = await insertPartner(db);
    const { status, location } = await follow(stranded, `/r/${own.referralCode.toLowerCase()}?sub_id=late`);
    t.equal(status, 302);
    t.ok(await stranded.metric('link_clicks_total{outcome="spilled",service="tracking-service"} 1'));
    t.equal(spilled.length, 1);
    for (const event of spilled) t.same(findWriterFaults(event), []);
    const events = [...spilled, ...spilled];
    const delivery = { attempt: 1, signal: new AbortController().signal };
    await tracking.spilledClicks.handle(events, delivery);
    await tracking.spilledClicks.handle(spilled, delivery);
    const id = location.searchParams.get('click_id');
    t.match(await clicksOf(own.referralCode), [{ id, status: 'valid', subId: 'late' }]);
    const [rollup] = await db.query<{ validClicks: number }>(
      'SELECT valid_clicks FROM rollup_click_hours WHERE partner_id = $1',
      [own.id],
    );
    t.equal(rollup?.validClicks, 1);
    const told = tracking.published.flatMap((event) =>
      event.type === 'click.recorded' ? event.data.clicks : [],
    );
    t.equal(told.filter(({ clickId }) => clickId === id).length, 1);
    const post = await stranded.post('/tracking/click', { referralCode }, PUBLIC);
    t.match(post, { status: 503, body: { code: 'SERVICE_UNAVAILABLE' } });
  },
);

t.test('with Postgres and NATS away a link still goes on, and the loss is counted', async (t) => {
  const gone = connect({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  t.teardown(() => gone.close());
  const stranded = await startTracking(t, { db: gone });
  t.equal((await follow(stranded, `/r/${referralCode}`)).status, 302);
  await waitFor(() => stranded.metric('link_clicks_total{outcome="lost",service="tracking-service"} 1'));
});
