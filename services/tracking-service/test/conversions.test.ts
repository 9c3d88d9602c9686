import { findWriterFaults } from '@tributary/event-catalog';
import { identityHeaders, insertProduct } from '@tributary/testkit';
import t from 'tap';
import { newId } from '@tributary/runtime';
import { openShop, settled, type Commission, type Conversion } from './shop-under-test.ts';
import { PUBLIC, SHOP } from './tracking-under-test.ts';

const { db, tracking, ann, bob, product, lamp, order, post, clickOf } = await openShop(t);

t.test('a conversion by click is answered 201, repeated 200 and contradicted 409', async (t) => {
  const { clickId } = await clickOf(ann, 'buyer-1', { subId: 'banner-2' });
  const body = order({ clickId, confirmed: true });
  const first = await post(body);
  t.equal(first.status, 201);
  t.match(settled(first), {
    conversions: [
      {
        partnerId: ann.id,
        clickId,
        subId: 'banner-2',
        orderAmount: 100,
        attributedAmount: 100,
        status: 'confirmed',
        attributionWeight: 1,
        isPrimary: true,
      },
    ],
    commissions: [{ partnerId: ann.id, commissionAmount: 10, status: 'pending', kind: 'earning' }],
  });
  const another = await clickOf(bob, 'buyer-2');
  const repetitions = [
    body,
    { ...body, clickId: another.clickId },
    { ...body, clickId: newId() },
    { ...body, clickId: undefined, referralCode: bob.referralCode },
    { ...body, referralCode: 'NOBODY' },
    { ...body, confirmed: false, metadata: { other: true } },
  ];
  for (const repeated of repetitions) {
    const again = await post(repeated);
    t.equal(again.status, 200, JSON.stringify(repeated));
    t.strictSame(settled(again), settled(first));
  }
  for (const [field, contradiction] of [
    ['amount', { orderAmount: 100.01 }],
    ['currency', { currency: 'EUR' }],
  ] as const) {
    const refused = await post({ ...body, ...contradiction });
    t.match(refused, { status: 409, body: { code: 'CONVERSION_CONTRADICTED', errors: [{ path: field }] } });
  }
  const types = tracking.published.filter(({ type }) => !type.startsWith('click.')).map(({ type }) => type);
  t.same(types, ['conversion.recorded', 'conversion.confirmed', 'commission.created']);
  for (const event of tracking.published) t.same(findWriterFaults(event), [], event.type);
});

t.test('a conversion posted many times at once is recorded once', async (t) => {
  const body = order({ referralCode: ann.referralCode, confirmed: true });
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(body)));
  t.same(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [...Array.from({ length: 19 }, () => 200), 201],
  );
  t.equal(new Set(answers.map((answer) => settled(answer).conversions[0]?.id)).size, 1);
});

t.test('every wrong field is named', async (t) => {
  const table: [object, string[]][] = [
    [
      { orderId: '', orderAmount: -1, currency: 'XXX', quantity: 0 },
      ['currency', 'orderAmount', 'orderId', 'quantity'],
    ],
    [{ orderAmount: 0 }, ['orderAmount']],
    [{ orderAmount: 10.001 }, ['orderAmount']],
    [{ orderAmount: '10' }, ['orderAmount']],
    [{ orderAmount: undefined }, ['orderAmount']],
    [{ orderAmount: 10.5, currency: 'JPY' }, ['orderAmount']],
    [
      { orderAmount: 10.5, commissionableAmount: 9.5, currency: 'JPY' },
      ['commissionableAmount', 'orderAmount'],
    ],
    [
      { orderId: 1, productId: undefined, orderAmount: -5, currency: 'XX', quantity: 0, clickId: 'abc' },
      ['clickId', 'currency', 'orderAmount', 'orderId', 'productId', 'quantity'],
    ],
    [
      { orderId: '', sku: 'LAMP-1', commissionableAmount: 101, convertedAt: '2999-01-01T00:00:00Z' },
      ['commissionableAmount', 'convertedAt', 'orderId', 'sku'],
    ],
    [
      {
        currency: 'JPY',
        lines: [{ amount: 1.5 }, { sku: 'LAMP-1', amount: 'much' }, 'nonsense', { sku: 5, amount: 1 }],
        unknown: true,
      },
      [
        'lines.0.amount',
        'lines.0.productId',
        'lines.1.amount',
        'lines.2',
        'lines.3.sku',
        'orderAmount',
        'productId',
        'unknown',
      ],
    ],
    [{ productId: null, sku: 'LAMP-1' }, ['productId']],
    [{ lines: null }, ['lines']],
    [{ productId: undefined }, ['productId']],
    [{ productId: newId() }, ['productId']],
    [{ productId: undefined, sku: 'NONE' }, ['sku']],
    [{ sku: 'LAMP-1' }, ['sku']],
    [{ commissionableAmount: 100.5 }, ['commissionableAmount']],
    [{ convertedAt: new Date(Date.now() + 3_600_000).toISOString() }, ['convertedAt']],
    [{ convertedAt: 'yesterday' }, ['convertedAt']],
    [{ clickId: 'abc' }, ['clickId']],
    [{ clickId: newId() }, ['clickId']],
    [{ referralCode: 'NOBODY' }, ['referralCode']],
    [{ unknown: 1 }, ['unknown']],
    [{ lines: [{ sku: 'LAMP-1', amount: 1 }] }, ['orderAmount', 'productId']],
    [{ productId: undefined, orderAmount: undefined, lines: [] }, ['lines']],
    [
      { productId: undefined, orderAmount: undefined, lines: [{ amount: 1 }, { sku: 'NONE', amount: 1 }] },
      ['lines.0.productId'],
    ],
    [
      {
        productId: undefined,
        orderAmount: undefined,
        lines: [
          { sku: 'LAMP-1', amount: 1 },
          { productId: lamp.id, amount: 2 },
        ],
      },
      ['lines.1.productId'],
    ],
    [{ metadata: { long: 'x'.repeat(5_000) } }, ['metadata']],
    [{ orderId: 'x'.repeat(201) }, ['orderId']],
  ];
  for (const [fields, paths] of table) {
    const answer = await post(order(fields));
    t.equal(answer.status, 400, JSON.stringify(fields));
    t.equal(answer.body.code, 'VALIDATION_ERROR');
    t.same(answer.body.errors?.map(({ path }) => path).toSorted(), paths, JSON.stringify(fields));
  }
  const empty = await post({});
  t.same(empty.body.errors?.map(({ path }) => path).toSorted(), [
    'currency',
    'orderAmount',
    'orderId',
    'productId',
  ]);
  const { clickId } = await clickOf(ann, 'mixed');
  const mixed = await post(order({ clickId, referralCode: bob.referralCode }));
  t.match(mixed, { status: 400, body: { errors: [{ path: 'referralCode' }, { path: 'clickId' }] } });
});

t.test('an order that nobody led to is recorded without conversions', async (t) => {
  const body = order({ confirmed: true, sessionId: 'never seen' });
  t.match(await post(body), { status: 201, body: { data: { conversions: [], commissions: [] } } });
  t.match(await post(body), { status: 200, body: { data: { conversions: [], commissions: [] } } });
  const [row] = await db.query<{ amount: string }>('SELECT amount FROM orders WHERE external_id = $1', [
    body.orderId,
  ]);
  t.equal(row?.amount, '100.00');
});

t.test('lines are credited alike, and what is added later follows the first', async (t) => {
  const { clickId } = await clickOf(ann, 'basket');
  const orderId = 'BASKET-1';
  const body = {
    orderId,
    currency: 'USD',
    clickId,
    confirmed: true,
    lines: [
      { productId: product.id, amount: 50, commissionableAmount: 40 },
      { sku: 'LAMP-1', amount: 30, quantity: 2 },
    ],
  };
  const first = await post(body);
  t.equal(first.status, 201);
  t.same(
    settled(first).conversions.map((one) => [one.productId, one.orderAmount, one.attributedAmount]),
    [
      [product.id, 50, 40],
      [lamp.id, 30, 30],
    ],
  );
  t.same(
    settled(first)
      .commissions.map((one) => one.commissionAmount)
      .toSorted((a, b) => a - b),
    [3, 4],
  );
  t.equal((await post(body)).status, 200);
  const chair = await insertProduct(db);
  const later = await post({
    orderId,
    currency: 'USD',
    referralCode: bob.referralCode,
    productId: chair.id,
    orderAmount: 5,
  });
  t.match(settled(later).conversions, [{ partnerId: ann.id, orderAmount: 5 }]);
});

t.test('the same Idempotency-Key replays the first answer', async (t) => {
  // What a shop adds of its own says nothing about versions of ours.
  const metadata = { cart: { id: null, version: '1.4' }, offer: { id: null, version: 3 } };
  const payload = order({ referralCode: ann.referralCode, metadata });
  const headers = { ...identityHeaders({ service: 'tracking-service', ...SHOP }), 'idempotency-key': 'once' };
  const send = (body: object) =>
    tracking.app.inject({ method: 'POST', url: '/tracking/conversion', headers, payload: body });
  const first = await send(payload);
  t.equal(first.statusCode, 201, first.body);
  const second = await send(payload);
  t.equal(second.statusCode, 201);
  t.match(second.headers, { 'idempotency-replayed': 'true', etag: undefined });
  t.same(second.json(), first.json());
  t.equal((await send(order())).statusCode, 422);
});

t.test('a repetition is kept under its Idempotency-Key like a first answer', async (t) => {
  const payload = order({ referralCode: ann.referralCode });
  t.equal((await post(payload)).status, 201);
  const headers = {
    ...identityHeaders({ service: 'tracking-service', ...SHOP }),
    'idempotency-key': 'again',
  };
  const send = (body: object) =>
    tracking.app.inject({ method: 'POST', url: '/tracking/conversion', headers, payload: body });
  const repeated = await send(payload);
  t.equal(repeated.statusCode, 200, repeated.body);
  t.equal((await send(order({ referralCode: ann.referralCode }))).statusCode, 422);
  const replayed = await send(payload);
  t.equal(replayed.headers['idempotency-replayed'], 'true');
  t.same(replayed.json(), repeated.json());
});

t.test('partners read what is theirs and write nothing', async (t) => {
  const own = { role: 'partner', partnerId: ann.id } as const;
  const conversions = await tracking.get('/tracking/conversions?limit=100', own);
  t.ok((conversions.body.data as Conversion[]).length > 2);
  t.ok((conversions.body.data as Conversion[]).every(({ partnerId }) => partnerId === ann.id));
  const commissions = await tracking.get('/tracking/commissions?limit=100', own);
  t.ok((commissions.body.data as Commission[]).every(({ partnerId }) => partnerId === ann.id));
  t.notMatch(JSON.stringify(commissions.body.data), /decision|cancelledBy/);
  const [sums] = await db.query<{ count: number; earnings: number; revenue: number; rows: number }>(
    `SELECT (SELECT count(*)::int FROM commissions WHERE partner_id = $1 AND kind = 'earning' AND status <> 'cancelled') AS count,
      (SELECT sum(commission_amount)::float8 FROM commissions WHERE partner_id = $1 AND kind = 'earning' AND status <> 'cancelled') AS earnings,
      (SELECT sum(attributed_amount)::float8 FROM conversion_events WHERE partner_id = $1) AS revenue,
      (SELECT count(*)::int FROM conversion_events WHERE partner_id = $1) AS rows`,
    [ann.id],
  );
  t.match((await tracking.get('/tracking/commissions/stats', own)).body.data, {
    currency: 'USD',
    totalCommissions: sums?.count,
    totalEarnings: sums?.earnings,
    totalClawedBack: 0,
  });
  t.match((await tracking.get('/tracking/conversions/stats', own)).body.data, {
    totalConversions: sums?.rows,
    totalRevenue: sums?.revenue,
  });
  t.equal((await tracking.post('/tracking/conversion', order(), own)).status, 403);
  t.equal((await tracking.post('/tracking/conversion', order(), PUBLIC)).status, 401);
  t.equal((await tracking.post('/tracking/conversion', order(), { role: 'viewer' })).status, 403);
  const foreign = settled(await post(order({ referralCode: bob.referralCode }))).conversions;
  t.equal((await tracking.get(`/tracking/conversions/${foreign[0]?.id}`, own)).status, 404);
});

t.test('a list is sorted by the time of the order, under both of its names', async (t) => {
  const times = ['2026-01-03', '2026-01-01', '2026-01-02'].map((day) => `${day}T10:00:00.000Z`);
  for (const convertedAt of times)
    t.equal((await post(order({ referralCode: ann.referralCode, convertedAt }))).status, 201);
  const listed = async (query: string) => {
    const range = 'dateFrom=2026-01-01&dateTo=2026-01-04';
    const { status, body } = await tracking.get(`/tracking/conversions?${range}&limit=2&${query}`, SHOP);
    t.equal(status, 200, query);
    const { nextCursor } = body.meta as { nextCursor?: string };
    return { at: (body.data as { convertedAt: string }[]).map(({ convertedAt }) => convertedAt), nextCursor };
  };
  const descending = times.toSorted().toReversed();
  for (const sort of ['-createdAt', '-convertedAt']) {
    const { at, nextCursor } = await listed(`sort=${sort}`);
    const further = await listed(`sort=${sort}&cursor=${nextCursor}`);
    t.same([...at, ...further.at], descending, sort);
  }
  t.same((await listed('sort=createdAt')).at, times.toSorted().slice(0, 2));
  const { nextCursor } = await listed('sort=-createdAt');
  t.same((await listed(`sort=-convertedAt&cursor=${nextCursor}`)).at, descending.slice(2));
  t.equal((await tracking.get('/tracking/clicks?sort=-createdAt', SHOP)).status, 200);
  t.same(
    (await tracking.get('/tracking/clicks?sort=createdAt', SHOP)).body,
    (await tracking.get('/tracking/clicks?sort=clickedAt', SHOP)).body,
  );
});
