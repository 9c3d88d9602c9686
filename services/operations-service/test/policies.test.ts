import { parseEvent } from '@tributary/event-catalog';
import { insertCommission, insertPartner, insertPolicy, insertProduct } from '@tributary/testkit';
import t from 'tap';
import { auditOf, eventsOf, startOperations } from './harness.ts';

const { db, call, user } = await startOperations(t);

const namedIn = (answer: { body: { errors?: { path: string }[] } }) =>
  answer.body.errors?.map(({ path }) => path).sort();

t.test("other terms are a policy's next version; a name, status or priority is not", async (t) => {
  const made = await call('POST', '/policies', {
    body: { code: 'STANDARD', name: 'Ten percent', type: 'percentage', rate: 10 },
  });
  t.equal(made.status, 201, made.text);
  t.match(made.body.data, {
    code: 'STANDARD',
    rate: 10,
    policyVersion: 1,
    version: 1,
    holdDays: 7,
    priority: 0,
    stackable: false,
    currency: null,
    exclusiveWith: [],
    status: 'active',
  });
  const { id } = made.body.data;
  const renamed = await call('PATCH', `/policies/${id}`, {
    body: { name: 'A tenth', priority: 5, status: 'inactive' },
  });
  t.match(renamed.body.data, {
    name: 'A tenth',
    priority: 5,
    status: 'inactive',
    policyVersion: 1,
    version: 2,
  });
  const raised = await call('PATCH', `/policies/${id}`, { body: { rate: 12.345678, minCommission: 1 } });
  t.match(
    raised.body.data,
    { rate: 12.345678, minCommission: 1, currency: 'USD', policyVersion: 2, version: 3 },
    raised.text,
  );
  const fixed = await call('PATCH', `/policies/${id}`, {
    body: { type: 'fixed', amount: 4, minCommission: null },
  });
  t.match(fixed.body.data, { type: 'fixed', amount: 4, rate: null, policyVersion: 3 }, fixed.text);
  const versions = (await call('GET', `/policies/${id}/versions`)).body.data;
  t.match(versions, [
    { policyVersion: 3, type: 'fixed' },
    { policyVersion: 2, rate: 12.345678 },
    { policyVersion: 1, rate: 10 },
  ]);
  t.same(await eventsOf(db, 'policyId', id), [
    'policy.created',
    'policy.updated',
    'policy.updated',
    'policy.updated',
  ]);
  t.same((await auditOf(db, 'policy', id))[2]?.changes, [
    { field: 'rate', oldValue: 10, newValue: 12.345678 },
    { field: 'currency', oldValue: null, newValue: 'USD' },
    { field: 'minCommission', oldValue: null, newValue: 1 },
  ]);
  t.match(
    await call('POST', '/policies', { body: { code: 'STANDARD', name: 'x', type: 'percentage', rate: 1 } }),
    { status: 409, body: { code: 'POLICY_CODE_TAKEN' } },
  );
  t.equal((await call('GET', '/policies?type=fixed')).body.data[0].id, id);
  t.equal((await call('GET', `/policies/${id}`)).headers['etag'], '"4"');
});

t.test('a policy of every kind keeps its terms', async (t) => {
  const [partner, product] = [await insertPartner(db), await insertProduct(db)];
  const body = {
    code: 'FULL',
    name: 'Everything',
    type: 'tiered',
    currency: 'EUR',
    priority: 3,
    status: 'scheduled',
    tiers: [
      { minAmount: 0, maxAmount: 100, rate: 5 },
      { minAmount: 100, maxAmount: 200.5, amount: 9 },
      { minAmount: 300, rate: 7.5 },
    ],
    partnerId: partner.id,
    partnerTier: 'gold',
    productId: product.id,
    supplierId: 'S1',
    category: 'outdoor',
    tags: ['a', 'b'],
    minCommission: 1,
    maxCommission: 50,
    minOrderAmount: 10,
    maxOrderAmount: 1000,
    requiresNewCustomer: true,
    validFrom: '2026-01-01T00:00:00.000Z',
    validUntil: '2027-01-01T00:00:00.000Z',
    maxUsageTotal: 10,
    maxUsagePerPartner: 2,
    holdDays: 30,
    stackable: true,
    exclusiveWith: ['STANDARD'],
    description: 'All terms',
  };
  const made = await call('POST', '/policies', { body });
  t.equal(made.status, 201, made.text);
  const { id: _i, version: _v, policyVersion: _p, createdAt: _c, updatedAt: _u, ...kept } = made.body.data;
  t.same(kept, { ...body, rate: null, amount: null });
});

t.test('terms that contradict each other are refused, every fault named', async (t) => {
  const faults = async (terms: object) =>
    namedIn(await call('POST', '/policies', { body: { code: 'BAD', name: 'Bad', ...terms } }));
  t.same(await faults({ type: 'percentage' }), ['rate']);
  t.same(await faults({ type: 'percentage', rate: 100.1 }), ['rate']);
  t.same(await faults({ type: 'percentage', rate: 1.1234567 }), ['rate']);
  t.same(await faults({ type: 'percentage', rate: 5, amount: 1, tiers: [{ minAmount: 0, rate: 1 }] }), [
    'amount',
    'tiers',
  ]);
  t.same(await faults({ type: 'fixed', amount: 1.5, currency: 'JPY' }), ['amount']);
  t.same(
    await faults({
      type: 'percentage',
      rate: 5,
      minCommission: 5,
      maxCommission: 4,
      minOrderAmount: 2,
      maxOrderAmount: 1,
    }),
    ['minCommission', 'minOrderAmount'],
  );
  t.same(
    await faults({
      type: 'percentage',
      rate: 5,
      validFrom: '2027-01-01T00:00:00Z',
      validUntil: '2026-01-01T00:00:00Z',
    }),
    ['validFrom'],
  );
  t.same(await faults({ type: 'percentage', rate: 5, partnerId: user.id, productId: user.id }), [
    'partnerId',
    'productId',
  ]);
  const bands = (...tiers: object[]) => faults({ type: 'tiered', tiers });
  t.same(await bands({ minAmount: 0, maxAmount: 100, rate: 1 }, { minAmount: 99, rate: 2 }), [
    'tiers.1.minAmount',
  ]);
  t.same(await bands({ minAmount: 0, rate: 1 }, { minAmount: 100, rate: 2 }), ['tiers.0.maxAmount']);
  t.same(await bands({ minAmount: 10, maxAmount: 5, rate: 1, amount: 2 }), ['tiers.0', 'tiers.0.maxAmount']);
  t.same(await bands({ minAmount: 0, maxAmount: 100, rate: 1, oops: 1 }), ['tiers.0.oops']);
  t.same(
    await faults({
      type: 'percentage',
      rate: 5,
      holdDays: -1,
      priority: 0.5,
      maxUsageTotal: 0,
      colour: 'red',
    }),
    ['colour', 'holdDays', 'maxUsageTotal', 'priority'],
  );
});

t.test('one answer names every wrong field: those of the schema and those against the rules', async (t) => {
  const created = async (body: object) => namedIn(await call('POST', '/policies', { body }));
  t.same(await created({ type: 'fixed' }), ['amount', 'code', 'name']);
  t.same(await created({ code: 'BAD' }), ['name', 'type'], 'without a type nothing is known of its terms');
  t.same(
    await created({ type: 'fxied', amount: 1, minCommission: 5, maxCommission: 4, partnerId: user.id }),
    ['code', 'minCommission', 'name', 'partnerId', 'type'],
  );
  const wrong = { type: 'fixed', amount: 'x', name: 'Bad', code: 'BAD', tiers: [{ minAmount: 0, rate: 1 }] };
  t.same(await created(wrong), ['amount', 'tiers'], 'each field once');
  const currency = { type: 'fixed', amount: 1.5, name: 'Bad', code: 'BAD', currency: 'yen' };
  t.same(await created(currency), ['currency'], 'of amounts in an unknown currency nothing is said');
  t.same(await created({ ...currency, currency: 'JPY', priority: 'x' }), ['amount', 'priority']);
  t.equal((await call('POST', '/policies', { body: [] })).status, 400);

  const policy = await insertPolicy(db, { terms: { maxCommission: '4', currency: 'USD' } });
  const changed = async (body: object) =>
    namedIn(await call('PATCH', `/policies/${policy.id}`, { body, headers: { 'if-match': '"9"' } }));
  t.same(await changed({ priority: 'x', amount: 5, productId: user.id, minCommission: 5 }), [
    'amount',
    'minCommission',
    'priority',
    'productId',
  ]);
  t.same(
    await changed({ maxCommission: 'x', minCommission: 5 }),
    ['maxCommission'],
    'what was there is no rule',
  );
  t.same(await changed({ type: 'fxied', amount: 5 }), ['type']);
  t.same(namedIn(await call('PATCH', `/policies/${user.id}`, { body: { priority: 'x', amount: 5 } })), [
    'priority',
  ]);
  t.same(namedIn(await call('PATCH', '/policies/none', { body: { priority: 'x' } })), ['id', 'priority']);
});

t.test('a bare percentage may name a currency, keeps it, and is not bound to it', async (t) => {
  const body = { code: 'BARE', name: 'Bare', type: 'percentage', rate: 5, currency: 'EUR' };
  const made = await call('POST', '/policies', { body });
  t.match(made, { status: 201, body: { data: { currency: 'EUR', policyVersion: 1 } } }, made.text);
  const change = async (fields: object) =>
    (await call('PATCH', `/policies/${made.body.data.id}`, { body: fields })).body.data;
  t.match(await change({ name: 'Still bare' }), { currency: 'EUR', policyVersion: 1 }, 'no other terms');
  t.match(
    await change({ minCommission: 1 }),
    { currency: 'EUR', policyVersion: 2 },
    'now it is of the amount',
  );
  t.match(await change({ minCommission: null }), { currency: null, policyVersion: 3 }, 'and goes with it');
  t.match(await change({ currency: 'USD' }), { currency: 'USD', policyVersion: 4 });
});

t.test('what is null in a band is not set', async (t) => {
  const tiers = [
    { minAmount: 0, maxAmount: 100, rate: 5, amount: null },
    { minAmount: 100, maxAmount: null, rate: null, amount: 9 },
  ];
  const body = { code: 'BANDS', name: 'Bands', type: 'tiered', tiers };
  const made = await call('POST', '/policies', { body });
  t.equal(made.status, 201, made.text);
  t.same(made.body.data.tiers, [
    { minAmount: 0, maxAmount: 100, rate: 5 },
    { minAmount: 100, amount: 9 },
  ]);
  const open = [{ ...tiers[0], maxAmount: null }, tiers[1]];
  t.same(namedIn(await call('POST', '/policies', { body: { ...body, code: 'OPEN', tiers: open } })), [
    'tiers.0.maxAmount',
  ]);
});

t.test('the first limit of a policy counts what it was used for before', async (t) => {
  const policy = await insertPolicy(db, { terms: { stackable: true } });
  const [one, two] = [await insertPartner(db), await insertPartner(db)];
  const used = { policyId: policy.id, policyVersion: 1 };
  await insertCommission(db, { ...used, partnerId: one.id });
  await insertCommission(db, { ...used, partnerId: one.id, status: 'cancelled' });
  const considered = [{ policyId: policy.id, outcome: 'stacked' }];
  await insertCommission(db, { partnerId: two.id, metadata: { decision: { considered } } });
  await insertCommission(db, {
    partnerId: two.id,
    metadata: { decision: { considered: [{ policyId: policy.id, outcome: 'outranked' }] } },
  });
  const usage = () =>
    db.query<{ partnerId: string | null; used: number }>(
      'SELECT partner_id, used FROM policy_usage WHERE policy_id = $1 ORDER BY used DESC',
      [policy.id],
    );
  await call('PATCH', `/policies/${policy.id}`, { body: { holdDays: 3 } });
  t.same(await usage(), []);
  const limited = await call('PATCH', `/policies/${policy.id}`, { body: { maxUsageTotal: 100 } });
  t.equal(limited.status, 200, limited.text);
  t.same(await usage(), [
    { partnerId: null, used: 3 },
    { partnerId: one.id, used: 2 },
    { partnerId: two.id, used: 1 },
  ]);
});

t.test('of two changes of one policy at once none is lost', async (t) => {
  const { id } = await insertPolicy(db);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => call('PATCH', `/policies/${id}`, { body: { rate: 20 + i } })),
  );
  const done = answers.filter(({ status }) => status === 200);
  t.ok(answers.every(({ status }) => status === 200 || status === 409));
  t.ok(done.length > 0);
  const { body } = await call('GET', `/policies/${id}/versions`);
  t.equal(body.data.length, 1 + done.length);
  t.same(body.meta, { total: 1 + done.length, page: 1, limit: 20, totalPages: 1 });
  const second = await call('GET', `/policies/${id}/versions?page=2&limit=1`);
  t.match(second.body, { data: [{ policyVersion: done.length }], meta: { page: 2, limit: 1 } });
  t.equal((await call('GET', `/policies/${id}/versions?sort=version`)).status, 400);
  t.same(
    body.data.map((version: { policyVersion: number }) => version.policyVersion),
    Array.from({ length: 1 + done.length }, (_, i) => 1 + done.length - i),
  );
});

t.test('settings are versioned, audited and announced one by one, and have defaults', async (t) => {
  const before = await call('GET', '/settings');
  t.match(
    before.body.data.settings.find((one: { key: string }) => one.key === 'currency'),
    { value: 'USD', version: 0, updatedAt: null },
  );
  const changed = await call('PATCH', '/settings', {
    body: { currency: 'EUR', attributionWindowDays: 60 },
    headers: { 'if-match': '"0"' },
  });
  t.equal(changed.status, 200, changed.text);
  t.match(changed.body.data, { version: 2 });
  t.same((await call('GET', '/settings')).body.data, changed.body.data);
  t.same(await eventsOf(db, 'key', 'currency'), ['setting.changed']);
  t.same((await auditOf(db, 'setting', 'currency'))[0]?.changes, [
    { field: 'currency', oldValue: 'USD', newValue: 'EUR' },
  ]);
  t.match(await call('PATCH', '/settings', { body: { currency: 'GBP' }, headers: { 'if-match': '"0"' } }), {
    status: 412,
  });
  const named = await call('PATCH', '/settings', { body: { reportingTimeZone: 'UTC' } });
  t.match(
    named.body.data.settings.find((one: { key: string }) => one.key === 'reportingTimeZone'),
    { value: 'UTC', version: 1 },
    'a default that is named is set',
  );
  const policy = await call('POST', '/policies', {
    body: { code: 'EURO', name: 'Five', type: 'fixed', amount: 5 },
  });
  t.equal(policy.body.data.currency, 'EUR');
  t.same(
    namedIn(
      await call('PATCH', '/settings', {
        body: { currency: 'XXX', reportingTimeZone: 'Mars/Olympus', attributionModel: 'luck', nope: 1 },
      }),
    ),
    ['attributionModel', 'currency', 'nope', 'reportingTimeZone'],
  );
  const parallel = await Promise.all(
    Array.from({ length: 6 }, (_, i) => call('PATCH', '/settings', { body: { defaultHoldDays: i + 10 } })),
  );
  const done = parallel.filter(({ status }) => status === 200).length;
  t.equal((await auditOf(db, 'setting', 'defaultHoldDays')).length, done);
});

t.test('every event of the catalogue is one that the catalogue of events knows', async (t) => {
  const rows = await db.query<{ event: { type: string } }>(
    `SELECT json_build_object('id', id, 'type', type, 'version', 1, 'occurredAt', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       'programId', program_id, 'subject', subject, 'actor', actor, 'requestId', request_id, 'data', data) AS event FROM outbox_events`,
  );
  for (const { event } of rows) t.equal(parseEvent(event).outcome, 'valid', JSON.stringify(event));
});
