import { createTestDatabase, identityHeaders, insertPartner, insertProduct } from '@tributary/testkit';
import t from 'tap';
import { PUBLIC, SHOP, startTracking } from './tracking-under-test.ts';

const { db } = await createTestDatabase(t);
const tracking = await startTracking(t, { db });
const [partner, product] = [await insertPartner(db), await insertProduct(db)];

const JUNK: unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  1.5,
  '',
  ' ',
  'x',
  'x'.repeat(3_000),
  '\u0000',
  '\ud800',
  "'; DROP TABLE orders; --",
  '%00',
  '9999-12-31T23:59:59Z',
  '0001-01-01T00:00:00Z',
  '2026-01-01T00:00:00+23:59',
  [],
  [[]],
  {},
  { a: { b: null } },
  [null],
  '00000000-0000-0000-0000-000000000000',
];

const bodies: [string, Record<string, unknown>][] = [
  [
    '/tracking/click',
    {
      referralCode: partner.referralCode,
      productId: product.id,
      subId: 's',
      landingUrl: 'https://shop.example/',
      referrer: 'r',
      source: 'web',
      utm: { source: 'u' },
      sessionId: 's',
      fingerprint: 'f',
    },
  ],
  [
    '/tracking/conversion',
    {
      orderId: 'o',
      productId: product.id,
      orderAmount: 1,
      commissionableAmount: 1,
      currency: 'USD',
      quantity: 1,
      referralCode: partner.referralCode,
      customerRef: 'c',
      sessionId: 's',
      isNewCustomer: true,
      convertedAt: '2026-01-01T00:00:00Z',
      confirmed: true,
      metadata: {},
    },
  ],
  [
    '/tracking/conversion',
    { orderId: 'o', currency: 'USD', lines: [{ productId: product.id, amount: 1 }], clickId: product.id },
  ],
  [
    '/tracking/conversions/00000000-0000-7000-8000-000000000000/refund',
    { refundAmount: 1, refundId: 'r', reason: 'x' },
  ],
  ['/tracking/conversions/00000000-0000-7000-8000-000000000000/cancel', { reason: 'x', reasonCode: 'fraud' }],
];

const EXPECTED = new Set([200, 201, 400, 404, 409]);

t.test('whatever stands in a body, the answer is none of ours to be ashamed of', async (t) => {
  const headers = identityHeaders({ service: 'tracking-service', ...PUBLIC, ...SHOP });
  for (const [url, body] of bodies) {
    for (const field of [...Object.keys(body), 'unheard of']) {
      const answers = JUNK.map(async (junk) => {
        const payload = { ...body, [field]: junk };
        const answer = await tracking.app.inject({ method: 'POST', url, headers, payload });
        if (!EXPECTED.has(answer.statusCode))
          t.fail(`${url} ${field} ${JSON.stringify(junk)}: ${answer.body}`);
      });
      await Promise.all(answers);
    }
  }
  t.pass();
});

t.test('metadata without a bottom is a 400 that names it', async (t) => {
  const headers = {
    ...identityHeaders({ service: 'tracking-service', ...SHOP }),
    'content-type': 'application/json',
  };
  const post = async (levels: number, orderId: string) => {
    const deep = `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    const payload = `{"orderId":"${orderId}","productId":"${product.id}","orderAmount":1,"currency":"USD","metadata":${deep}}`;
    const answer = await tracking.app.inject({
      method: 'POST',
      url: '/tracking/conversion',
      headers,
      payload,
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  t.match(await post(62, 'deep-1'), { status: 201 });
  for (const levels of [63, 1_900, 9_000, 400_000]) {
    const answer = await post(levels, 'deep-2');
    t.match(answer, { status: 400, body: { code: 'VALIDATION_ERROR' } }, String(levels));
    t.match(answer.body.errors, [{ path: /^metadata\.a\.0/, message: /nested/ }]);
  }
});

t.test('whatever stands in a query or path, neither', async (t) => {
  const lists = ['/tracking/clicks', '/tracking/conversions', '/tracking/commissions'];
  const fields = [
    'page',
    'limit',
    'sort',
    'cursor',
    'count',
    'partnerId',
    'status',
    'dateFrom',
    'dateTo',
    'orderId',
    'subId',
    'isPrimary',
    'currency',
  ];
  const texts = [
    ...JUNK.map((junk) => (typeof junk === 'string' ? junk : JSON.stringify(junk))),
    '9'.repeat(20),
    '2026-02-30',
    'e30',
    'bnVsbA',
  ];
  const urls = [
    ...lists.flatMap((list) => fields.flatMap((field) => texts.map((text) => [list, field, text] as const))),
    ...lists.flatMap((list) => texts.map((text) => [`${list}/stats`, 'currency', text] as const)),
  ].flatMap(([list, field, text]) =>
    text.isWellFormed() ? [`${list}?${field}=${encodeURIComponent(text)}`] : [],
  );
  const paths = ['clicks', 'conversions'].flatMap((list) =>
    texts.flatMap((text) =>
      text.isWellFormed() && text !== '' ? [`/tracking/${list}/${encodeURIComponent(text)}`] : [],
    ),
  );
  const asked = [...urls, ...paths];
  while (asked.length > 0) {
    const answers = asked.splice(0, 50).map(async (url) => {
      const { status, body } = await tracking.get(url);
      if (status !== 414 && !EXPECTED.has(status)) t.fail(`${url}: ${JSON.stringify(body)}`);
    });
    await Promise.all(answers);
  }
  t.pass();
});
