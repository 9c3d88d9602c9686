import { parseEvent } from '@tributary/event-catalog';
import { insertCommission, insertPartner } from '@tributary/testkit';
import t from 'tap';
import { auditOf, eventsOf, startOperations } from './harness.ts';

const { db, call, user } = await startOperations(t);

const namedIn = (answer: { body: { errors?: { path: string }[] } }) =>
  answer.body.errors?.map(({ path }) => path).sort();

t.test('a partner comes with a referral code, its own or a generated one', async (t) => {
  const named = await call('POST', '/partners', {
    body: { name: 'Northwind', email: 'n@example.com', referralCode: 'NORTH-1' },
  });
  t.equal(named.status, 201, named.text);
  t.match(named.body.data, {
    tier: 'bronze',
    status: 'active',
    paymentHold: false,
    referralCode: 'NORTH-1',
    version: 1,
    externalId: null,
  });
  const generated = await call('POST', '/partners', {
    body: { name: 'South', email: 's@example.com', tier: 'gold', externalId: 'crm-1' },
  });
  t.match(generated.body.data.referralCode, /^[A-Z0-9]{8}$/);
  t.same(await eventsOf(db, 'partnerId', generated.body.data.id), ['partner.created']);
  const [audit] = await auditOf(db, 'partner', generated.body.data.id);
  t.match(audit, { action: 'created', actor: 'Ada Admin' });
  t.match(await call('GET', `/partners/${generated.body.data.id}`), {
    status: 200,
    headers: { etag: '"1"' },
    body: { data: { externalId: 'crm-1' } },
  });

  const again = { name: 'Other', email: 'o@example.com' };
  t.match(await call('POST', '/partners', { body: { ...again, referralCode: 'north-1' } }), {
    status: 409,
    body: { code: 'REFERRAL_CODE_TAKEN' },
  });
  t.match(await call('POST', '/partners', { body: { ...again, email: 'N@Example.com' } }), {
    status: 409,
    body: { code: 'PARTNER_EMAIL_TAKEN' },
  });
  t.match(await call('POST', '/partners', { body: { ...again, externalId: 'crm-1' } }), {
    status: 409,
    body: { code: 'PARTNER_EXTERNAL_ID_TAKEN' },
  });
  t.same(
    namedIn(
      await call('POST', '/partners', { body: { email: 'x', referralCode: 'a b', tier: 'tin', nope: 1 } }),
    ),
    ['email', 'name', 'nope', 'referralCode', 'tier'],
  );
});

t.test("a partner's change is recorded field by field, a tier's change announced", async (t) => {
  const partner = await insertPartner(db, { tier: 'silver' });
  const changed = await call('PATCH', `/partners/${partner.id}`, {
    body: { tier: 'gold', paymentHold: true },
    headers: { 'if-match': '"1"' },
  });
  t.match(
    changed,
    {
      status: 200,
      headers: { etag: '"2"' },
      body: { data: { tier: 'gold', paymentHold: true, version: 2 } },
    },
    changed.text,
  );
  t.same(await eventsOf(db, 'partnerId', partner.id), ['partner.updated', 'partner.tier_changed']);
  t.same((await auditOf(db, 'partner', partner.id))[0]?.changes, [
    { field: 'tier', oldValue: 'silver', newValue: 'gold' },
    { field: 'paymentHold', oldValue: false, newValue: true },
  ]);
  t.match(
    await call('PATCH', `/partners/${partner.id}`, { body: { name: 'X' }, headers: { 'if-match': '"1"' } }),
    { status: 412 },
  );
  const same = await call('PATCH', `/partners/${partner.id}`, { body: { tier: 'gold' } });
  t.match(same, { status: 200, body: { data: { version: 2 } } });
  t.equal((await auditOf(db, 'partner', partner.id)).length, 1);
  t.match(await call('PATCH', `/partners/${user.id}`, { body: { name: 'X' } }), {
    status: 404,
    body: { code: 'PARTNER_NOT_FOUND' },
  });
});

t.test('another referral code becomes the default and the one before stays valid', async (t) => {
  const partner = await insertPartner(db, { referralCode: 'FIRST-CODE' });
  const other = await insertPartner(db, { referralCode: 'OTHERS' });
  const codes = async () =>
    (await call('GET', `/partners/${partner.id}/referral-codes`)).body.data.map(
      (code: { code: string; isDefault: boolean }) => [code.code, code.isDefault],
    );
  t.match(await call('PATCH', `/partners/${partner.id}`, { body: { referralCode: 'SECOND-CODE' } }), {
    status: 200,
    body: { data: { referralCode: 'SECOND-CODE' } },
  });
  t.same(await codes(), [
    ['SECOND-CODE', true],
    ['FIRST-CODE', false],
  ]);
  t.match(await call('PATCH', `/partners/${partner.id}`, { body: { referralCode: 'FIRST-CODE' } }), {
    status: 200,
    body: { data: { referralCode: 'FIRST-CODE' } },
  });
  t.same(await codes(), [
    ['FIRST-CODE', true],
    ['SECOND-CODE', false],
  ]);
  t.match(await call('PATCH', `/partners/${partner.id}`, { body: { referralCode: other.referralCode } }), {
    status: 409,
    body: { code: 'REFERRAL_CODE_TAKEN' },
  });
  const added = await call('POST', `/partners/${partner.id}/referral-codes`, {
    body: { code: 'THIRD-CODE' },
  });
  t.match(added, { status: 201, body: { data: { code: 'THIRD-CODE', isDefault: false } } }, added.text);
  const [told] = await db.query(
    `SELECT data ->> 'referralCode' AS code FROM outbox_events
     WHERE type = 'partner.updated' AND subject ->> 'partnerId' = $1 ORDER BY id DESC LIMIT 1`,
    [partner.id],
  );
  t.same(told, { code: 'FIRST-CODE' }, 'which is the default still');
  t.match(await call('PATCH', `/partners/${partner.id}`, { body: { referralCode: 'third-code' } }), {
    status: 200,
    body: { data: { referralCode: 'THIRD-CODE' } },
  });
  t.match(await call('POST', `/partners/${user.id}/referral-codes`, { body: {} }), { status: 404 });
  const page = await call('GET', `/partners/${partner.id}/referral-codes?page=2&limit=2`);
  t.match(page.body, {
    data: [{ code: 'SECOND-CODE' }],
    meta: { total: 3, page: 2, limit: 2, totalPages: 2 },
  });
  t.equal((await call('GET', `/partners/${user.id}/referral-codes`)).status, 404);
  t.equal((await call('GET', `/partners/${partner.id}/referral-codes?limit=0`)).status, 400);
  const generated = await call('POST', `/partners/${partner.id}/referral-codes`);
  t.match(generated, { status: 201, body: { data: { code: /^[A-Z0-9]{8}$/ } } }, 'no body is needed');
  t.equal((await call('GET', `/partners?referralCode=third-code`)).body.data[0].id, partner.id);
});

t.test("a partner's balance is the sum of its commissions, now and at a past moment", async (t) => {
  const partner = await insertPartner(db);
  const yesterday = new Date(Date.now() - 86_400_000);
  const mine = { partnerId: partner.id, createdAt: yesterday };
  await insertCommission(db, { ...mine, commissionAmount: '10.10' });
  const pending = await insertCommission(db, { ...mine, commissionAmount: '5.05' });
  const paid = await insertCommission(db, { ...mine, status: 'paid', commissionAmount: '20.00' });
  await insertCommission(db, { ...mine, currency: 'JPY', commissionAmount: '300', status: 'confirmed' });
  const asOf = new Date(yesterday.getTime() + 3_600_000).toISOString();
  const before = (await call('GET', `/partners/${partner.id}/balance`)).body.data.currencies;
  t.match(before, [
    { currency: 'JPY', confirmed: 300, payable: 300 },
    { currency: 'USD', pending: 15.15, confirmed: 0, paid: 20, clawbacksToNet: 0, payable: 0 },
  ]);
  await call('POST', `/operations/commissions/${pending.id}/confirm`, { body: { reason: 'early' } });
  await call('POST', `/operations/commissions/${paid.id}/clawback`, {
    body: { amount: 8, reason: 'returned' },
  });
  const after = (await call('GET', `/partners/${partner.id}/balance`)).body.data.currencies;
  t.match(after[1], { pending: 10.1, confirmed: 5.05, paid: 20, clawbacksToNet: -8, payable: -2.95 });
  t.same((await call('GET', `/partners/${partner.id}/balance?asOf=${asOf}`)).body.data.currencies, before);
  t.same(
    (await call('GET', `/partners/${partner.id}/balance?asOf=${new Date(Date.now() + 60_000).toISOString()}`))
      .body.data.currencies,
    after,
  );
  t.match(await call('GET', `/partners/${user.id}/balance`), { status: 404 });
});

t.test('a product is added and changed, its price within the decimals of its currency', async (t) => {
  const body = { sku: 'TENT-2', name: 'Tent', price: 129.9, currency: 'USD', tags: ['outdoor', 'a "b"'] };
  const made = await call('POST', '/products', { body });
  t.match(
    made,
    { status: 201, body: { data: { ...body, category: null, status: 'active', version: 1 } } },
    made.text,
  );
  const { id } = made.body.data;
  t.match(await call('POST', '/products', { body }), { status: 409, body: { code: 'PRODUCT_SKU_TAKEN' } });
  t.same(namedIn(await call('PATCH', `/products/${id}`, { body: { currency: 'JPY' } })), ['price']);
  t.same(namedIn(await call('PATCH', `/products/${id}`, { body: { currency: 'JPY', status: 'sold' } })), [
    'price',
    'status',
  ]);
  t.same(namedIn(await call('PATCH', `/products/${id}`, { body: { currency: 'yen', price: 'x' } })), [
    'currency',
    'price',
  ]);
  t.same(namedIn(await call('POST', '/products', { body: { sku: 'X', price: 1.5, currency: 'JPY' } })), [
    'name',
    'price',
  ]);
  t.match(await call('PATCH', `/products/${id}`, { body: { currency: 'JPY', price: 1500, tags: [] } }), {
    status: 200,
    body: { data: { price: 1500, tags: [], version: 2 } },
  });
  t.same(await eventsOf(db, 'productId', id), ['product.created', 'product.updated']);
  t.same(
    (await auditOf(db, 'product', id))[1]?.changes.map(({ field }) => field),
    ['tags', 'price', 'currency'],
  );
  t.equal((await call('GET', '/products?sku=TENT-2')).body.meta.total, 1);
  t.match(await call('GET', `/products/${user.id}`), { status: 404, body: { code: 'PRODUCT_NOT_FOUND' } });
});

t.test('parallel creations with one Idempotency-Key create one partner', async (t) => {
  const body = { name: 'Once', email: 'once@example.com' };
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      call('POST', '/partners', { body, headers: { 'idempotency-key': 'p1' } }),
    ),
  );
  t.same([...new Set(answers.map(({ status }) => status))], [201]);
  t.equal(new Set(answers.map((answer) => answer.body.data.id)).size, 1);
  t.same(await eventsOf(db, 'partnerId', answers[0]?.body.data.id), ['partner.created']);
});

t.test('every event of the catalogue is one that the catalogue of events knows', async (t) => {
  const rows = await db.query<{ event: { type: string } }>(
    `SELECT json_build_object('id', id, 'type', type, 'version', 1, 'occurredAt', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       'programId', program_id, 'subject', subject, 'actor', actor, 'requestId', request_id, 'data', data) AS event FROM outbox_events`,
  );
  for (const { event } of rows) t.equal(parseEvent(event).outcome, 'valid', JSON.stringify(event));
});
