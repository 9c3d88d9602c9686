import { insertCommission, insertPartner, insertPolicy, insertProduct, insertRow } from '@tributary/testkit';
import t from 'tap';
import { uuidv7 } from 'uuidv7';
import {
  documentedOperations,
  GENERIC,
  NOBODY,
  OF_THE_GATEWAY,
  SeenCodes,
  urlOf,
} from './documented-operations.ts';
import { startOperations } from './harness.ts';

const { app, db, call } = await startOperations(t);

const LARGE = { text: 'x'.repeat(12_000_000) };

const operations = await documentedOperations(app);
const seen = new SeenCodes();

type CallOptions = NonNullable<Parameters<typeof call>[2]>;

/** Calls an operation on a record and remembers the code of a problem. */
async function tryOut(operationId: string, id: string, options: CallOptions = {}): Promise<void> {
  const operation = operations.get(operationId);
  if (operation === undefined) throw new Error(`no operation ${operationId}`);
  seen.see(operationId, (await call(operation.method, urlOf(operation.url, id), options)).body);
}

t.test('whoever may not, or sends nonsense, is told so on every route', async (t) => {
  const before = seen.answers;
  for (const [operationId, { method, url }] of operations) {
    const path = urlOf(url, NOBODY);
    seen.see(operationId, (await app.inject({ method, url: path })).json());
    const writes = method !== 'GET';
    const body = writes ? { body: { colour: 'red' } } : {};
    await tryOut(operationId, NOBODY, { ...body, as: { scopes: [] } });
    seen.see(operationId, (await call(method, `${urlOf(url, '!')}?colour=red`, body)).body);
    if (!writes) continue;
    await tryOut(operationId, NOBODY, { body: LARGE });
    await tryOut(operationId, NOBODY, { body: 'text', headers: { 'content-type': 'text/plain' } });
  }
  t.ok(seen.answers > before);
});

const reason = { reason: 'because' };
const ACTIONS: Readonly<Record<string, object>> = {
  adjustCommission: { newAmount: 3, ...reason },
  confirmCommission: reason,
  cancelCommission: reason,
  holdCommission: reason,
  releaseCommission: reason,
  payCommission: { paymentMethod: 'wire', paymentReference: 'REF' },
  clawBackCommission: reason,
};

t.test('each action on a commission of each kind and status', async (t) => {
  const before = seen.answers;
  const stale = { headers: { 'if-match': '"99"' } };
  for (const [operationId, body] of Object.entries(ACTIONS)) {
    for (const status of ['pending', 'confirmed', 'paid', 'cancelled'] as const) {
      const { id } = await insertCommission(db, { status });
      await tryOut(operationId, id, { body, ...stale });
      await tryOut(operationId, id, { body });
      await tryOut(operationId, id, { body });
    }
    const { id: originalCommissionId } = await insertCommission(db, { status: 'paid' });
    const clawback = { kind: 'clawback', status: 'confirmed', commissionAmount: '-1.00' } as const;
    await tryOut(operationId, (await insertCommission(db, { ...clawback, originalCommissionId })).id, {
      body,
    });
    await tryOut(operationId, NOBODY, { body });
  }
  const paid = await insertCommission(db, { status: 'paid', commissionAmount: '5.00' });
  await tryOut('clawBackCommission', paid.id, { body: { amount: 5.01, ...reason } });
  t.ok(seen.answers > before);
});

t.test('payments that are held or paused, bonuses for nobody, refunds of too much', async (t) => {
  const before = seen.answers;
  const held = await insertPartner(db, { paymentHold: true });
  const payment = { body: ACTIONS['payCommission'] };
  const { id } = await insertCommission(db, { status: 'confirmed', partnerId: held.id });
  await tryOut('payCommission', id, payment);
  await call('PATCH', '/settings', { body: { pausePayments: true } });
  await tryOut('payCommission', id, payment);
  await tryOut('changeCommissionsInBulk', id, { body: { action: 'pay', ids: [id], params: payment.body } });
  await call('PATCH', '/settings', { body: { pausePayments: false } });
  await tryOut('createCommission', '', {
    body: { partnerId: NOBODY, amount: 5, currency: 'USD', ...reason },
  });
  for (const status of ['pending', 'paid', 'cancelled'] as const) {
    const { conversionId } = await insertCommission(db, { status });
    for (const refundAmount of [1_000, 100, 1]) {
      await tryOut('refundConversion', '', { body: { conversionId, refundAmount, ...reason } });
    }
  }
  const { conversionId: untouched } = await insertCommission(db);
  const refund = { body: { conversionId: untouched, refundAmount: 1, ...reason } };
  await tryOut('refundConversion', '', { ...refund, headers: { 'if-match': '"99"' } });
  await tryOut('refundConversion', '', { body: { conversionId: NOBODY, refundAmount: 1, ...reason } });
  t.ok(seen.answers > before);
});

t.test('records that do not exist, exist already or have moved on', async (t) => {
  const before = seen.answers;
  for (const [operationId, { url, method }] of operations) {
    if (url.includes('{') && method !== 'POST')
      await tryOut(operationId, NOBODY, method === 'GET' ? {} : { body: { name: 'New' } });
  }
  const [one, two] = [await insertPartner(db, { externalId: 'CRM-1' }), await insertPartner(db)];
  for (const taken of [{ email: one.email }, { externalId: 'CRM-1' }, { referralCode: one.referralCode }]) {
    await tryOut('createPartner', '', { body: { name: 'New', email: 'new@example.com', ...taken } });
    await tryOut('updatePartner', two.id, { body: taken });
  }
  await tryOut('addReferralCode', two.id, { body: { code: one.referralCode } });
  await tryOut('addReferralCode', NOBODY, { body: {} });
  const [tent, stove] = [await insertProduct(db), await insertProduct(db)];
  await tryOut('createProduct', '', { body: { sku: tent.sku, name: 'Tent', price: 1, currency: 'USD' } });
  await tryOut('updateProduct', stove.id, { body: { sku: tent.sku } });
  const policy = await insertPolicy(db);
  const terms = { name: 'Twice', type: 'percentage', rate: 5 };
  await tryOut('createPolicy', '', { body: { code: policy.code, ...terms } });
  const stale = { headers: { 'if-match': '"99"' } };
  await tryOut('updatePartner', two.id, { body: { name: 'Other' }, ...stale });
  await tryOut('updateProduct', tent.id, { body: { name: 'Other' }, ...stale });
  await tryOut('updatePolicy', policy.id, { body: { name: 'Other' }, ...stale });
  await tryOut('updateSettings', '', { body: { pausePayments: true }, ...stale });
  t.ok(seen.answers > before);
});

t.test('jobs that ended, and dead letters that were never events', async (t) => {
  const before = seen.answers;
  const actor = {
    kind: 'system',
    id: null,
    name: 'system:purge',
    requestId: null,
    ipAddress: null,
    userAgent: null,
  } as const;
  const job = { id: uuidv7(), name: 'purge', trigger: 'manual', status: 'succeeded', actor } as const;
  await tryOut('cancelJob', (await insertRow(db, 'jobs', job)).id);
  await tryOut('cancelJob', NOBODY);
  seen.see('runJob', (await call('POST', '/operations/jobs/format-disk/run')).body);
  const letter = { id: uuidv7(), stream: 'CLICKS', consumer: 'test', reason: 'no JSON', deliveries: 1 };
  await insertRow(db, 'deadLetters', { ...letter, payload: { raw: '{' } });
  await tryOut('replayDeadLetter', letter.id);
  await tryOut('replayDeadLetter', NOBODY);
  t.ok(seen.answers > before);
});

t.test('every code that the document names for an operation was answered by it', async (t) => {
  for (const [operationId, { documented }] of operations) {
    const missing = [...documented].filter(
      (code) => !seen.of(operationId).has(code) && !GENERIC.has(code) && !OF_THE_GATEWAY.has(code),
    );
    t.same(missing, [], operationId);
    const undocumented = [...seen.of(operationId)].filter((code) => !documented.has(code));
    t.same(undocumented, [], `${operationId} answers nothing else`);
  }
});
