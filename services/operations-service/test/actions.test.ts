import { parseEvent } from '@tributary/event-catalog';
import { insertCommission, insertPartner } from '@tributary/testkit';
import t from 'tap';
import { auditOf, eventsOf, startOperations } from './harness.ts';

const { db, call, user, metrics } = await startOperations(t);

const path = (id: string, action: string) => `/operations/commissions/${id}/${action}`;
const reason = 'agreed with the partner';

async function entriesOf(id: string) {
  return db.query<{ version: number; action: string; amountAfter: string; statusAfter: string }>(
    'SELECT version, action, amount_after, status_after FROM commission_entries WHERE commission_id = $1 ORDER BY version',
    [id],
  );
}

t.test(
  'an adjustment writes row, entry, audit row and event, and answers the commission with its ETag',
  async (t) => {
    const { id } = await insertCommission(db);
    const answer = await call('POST', path(id, 'adjust'), {
      body: { newAmount: 7.5, reason, reasonCode: 'negotiated' },
    });
    t.equal(answer.status, 200, answer.text);
    t.match(answer.body.data, { id, commissionAmount: 7.5, status: 'pending', version: 2 });
    t.match(answer.body.data.metadata.adjustmentHistory, [
      { oldAmount: 10, newAmount: 7.5, reason, adjustedBy: 'Ada Admin' },
    ]);
    t.equal(answer.headers['etag'], '"2"');
    t.match(await entriesOf(id), [
      { action: 'created' },
      { version: 2, action: 'adjusted', amountAfter: '7.50' },
    ]);
    const [audit] = await auditOf(db, 'commission', id);
    t.match(audit, {
      action: 'adjusted',
      actor: 'Ada Admin',
      userId: user.id,
      ipAddress: '203.0.113.7',
      userAgent: 'tributary-tests/1.0',
    });
    t.same(audit?.changes, [{ field: 'commissionAmount', oldValue: 10, newValue: 7.5 }]);
    t.same(await eventsOf(db, 'commissionId', id), ['commission.adjusted']);
  },
);

t.test('every event of this service is one that the catalogue knows', async (t) => {
  const rows = await db.query<{ event: object }>(
    `SELECT json_build_object('id', id, 'type', type, 'version', 1, 'occurredAt', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       'programId', program_id, 'subject', subject, 'actor', actor, 'requestId', request_id, 'data', data) AS event FROM outbox_events`,
  );
  t.ok(rows.length > 0);
  for (const { event } of rows) t.equal(parseEvent(event).outcome, 'valid', JSON.stringify(event));
});

t.test('a commission goes from pending to paid and then never changes', async (t) => {
  const { id } = await insertCommission(db);
  t.equal((await call('POST', path(id, 'hold'), { body: { reason } })).body.data.reviewHold, true);
  t.equal((await call('POST', path(id, 'release'), { body: { reason } })).body.data.reviewHold, false);
  t.equal((await call('POST', path(id, 'confirm'), { body: { reason } })).body.data.status, 'confirmed');
  const paid = await call('POST', path(id, 'pay'), {
    body: { paymentMethod: 'wire', paymentReference: 'W-1' },
  });
  t.match(paid.body.data, { status: 'paid', paymentMethod: 'wire', paymentReference: 'W-1' });
  for (const action of ['adjust', 'cancel', 'confirm', 'hold', 'release'] as const) {
    const refused = await call('POST', path(id, action), {
      body: { reason, ...(action === 'adjust' ? { newAmount: 1 } : {}) },
    });
    t.equal(refused.status, 409, action);
    t.match(refused.body, { code: 'COMMISSION_ALREADY_PAID', currentStatus: 'paid' });
    t.ok(refused.body.allowedStatuses.includes('pending'));
    t.match(refused.body.detail, /is paid/);
  }
  t.same(
    (await entriesOf(id)).map(({ action }) => action),
    ['created', 'held', 'released', 'confirmed', 'paid'],
  );
  t.same(
    (await auditOf(db, 'commission', id)).map(({ action }) => action),
    ['held', 'released', 'confirmed', 'paid'],
  );
  t.same(await eventsOf(db, 'commissionId', id), [
    'commission.held',
    'commission.released',
    'commission.confirmed',
    'commission.paid',
  ]);
});

t.test('a cancelled commission names its end to whoever comes after', async (t) => {
  const { id } = await insertCommission(db);
  const cancelled = await call('POST', path(id, 'cancel'), {
    body: { reason: 'fraud', reasonCode: 'fraud' },
  });
  t.match(cancelled.body.data, {
    status: 'cancelled',
    metadata: { cancelledBy: 'Ada Admin', cancellationReason: 'fraud' },
  });
  const again = await call('POST', path(id, 'cancel'), { body: { reason } });
  t.match(again, { status: 409, body: { code: 'COMMISSION_ALREADY_CANCELLED', currentStatus: 'cancelled' } });
  const unconfirmed = await insertCommission(db);
  const early = await call('POST', path(unconfirmed.id, 'pay'), {
    body: { paymentMethod: 'wire', paymentReference: 'W-2' },
  });
  t.match(early, {
    status: 409,
    body: { code: 'COMMISSION_NOT_CONFIRMED', currentStatus: 'pending', allowedStatuses: ['confirmed'] },
  });
});

t.test('nothing is paid to a partner on payment hold, nor while payments are paused', async (t) => {
  const partner = await insertPartner(db, { paymentHold: true });
  const held = await insertCommission(db, { partnerId: partner.id, status: 'confirmed' });
  const body = { paymentMethod: 'wire', paymentReference: 'W-3' };
  t.match(await call('POST', path(held.id, 'pay'), { body }), {
    status: 409,
    body: { code: 'PARTNER_ON_PAYMENT_HOLD' },
  });
  const free = await insertCommission(db, { status: 'confirmed' });
  await call('PATCH', '/settings', { body: { pausePayments: true } });
  t.match(await call('POST', path(free.id, 'pay'), { body }), {
    status: 409,
    body: { code: 'PAYMENTS_PAUSED' },
  });
  await call('PATCH', '/settings', { body: { pausePayments: false } });
  t.equal((await call('POST', path(free.id, 'pay'), { body })).status, 200);
});

t.test('claw-backs of a paid commission never exceed it in sum', async (t) => {
  const { id } = await insertCommission(db, { status: 'paid', commissionAmount: '10.00' });
  const part = await call('POST', path(id, 'clawback'), { body: { amount: 4, reason } });
  t.equal(part.status, 201);
  t.match(part.body.data, {
    kind: 'clawback',
    status: 'confirmed',
    commissionAmount: -4,
    originalCommissionId: id,
  });
  t.match(await call('POST', path(id, 'clawback'), { body: { amount: 6.01, reason } }), {
    status: 409,
    body: { code: 'CLAWBACK_EXCEEDS_PAID' },
  });
  t.match((await call('POST', path(id, 'clawback'), { body: { reason } })).body.data, {
    commissionAmount: -6,
  });
  t.match(await call('POST', path(id, 'clawback'), { body: { reason } }), {
    status: 409,
    body: { code: 'CLAWBACK_EXCEEDS_PAID' },
  });
  const clawback = part.body.data.id;
  t.match(await call('POST', path(clawback, 'cancel'), { body: { reason } }), {
    status: 409,
    body: { code: 'COMMISSION_IS_CLAWBACK' },
  });
  const setOff = await call('POST', path(clawback, 'pay'), {
    body: { paymentMethod: 'wire', paymentReference: 'W-4' },
  });
  t.equal(setOff.body.data.status, 'paid');
  const pending = await insertCommission(db);
  t.match(await call('POST', path(pending.id, 'clawback'), { body: { reason } }), {
    status: 409,
    body: { code: 'COMMISSION_NOT_PAID' },
  });
});

t.test('a bonus is created by hand, confirmed at once', async (t) => {
  const partner = await insertPartner(db);
  const body = { partnerId: partner.id, amount: 25, currency: 'EUR', reason };
  const made = await call('POST', '/operations/commissions', { body });
  t.equal(made.status, 201, made.text);
  t.match(made.body.data, {
    kind: 'bonus',
    status: 'confirmed',
    commissionAmount: 25,
    currency: 'EUR',
    orderId: null,
  });
  t.same(await eventsOf(db, 'commissionId', made.body.data.id), ['commission.created']);
  const told = await metrics.expose();
  t.match(told, /commissions_created_total\{[^}]*policy_type="none"[^}]*\} 1\n/);
  t.match(told, /commission_amount_dollars_count\{[^}]*policy_type="none"[^}]*\} 1\n/);
  t.match(told, /commission_amount_dollars_sum\{[^}]*policy_type="none"[^}]*\} 25\n/);
  const nobody = await call('POST', '/operations/commissions', { body: { ...body, partnerId: user.id } });
  t.match(nobody, { status: 404, body: { code: 'PARTNER_NOT_FOUND' } });
});

t.test('bad input is a 400 that names each field, and changes nothing', async (t) => {
  const { id } = await insertCommission(db);
  const named = async (url: string, body: unknown) => {
    const answer = await call('POST', url, { body });
    t.equal(answer.status, 400, answer.text);
    t.equal(answer.body.code, 'VALIDATION_ERROR');
    return answer.body.errors.map((error: { path: string }) => error.path).sort();
  };
  t.same(await named(path(id, 'adjust'), { newAmount: '7', reason: ' ', extra: 1 }), [
    'extra',
    'newAmount',
    'reason',
  ]);
  t.same(await named(path(id, 'adjust'), { newAmount: 7.555, reason }), ['newAmount']);
  t.same(await named(path(id, 'adjust'), { newAmount: -1, reason }), ['newAmount']);
  t.same(await named(path(id, 'adjust'), { newAmount: 10, reason }), ['newAmount'], 'the present amount');
  t.same(await named(path(id, 'cancel'), { reason: 'x'.repeat(1_001), reasonCode: 'whim' }), [
    'reason',
    'reasonCode',
  ]);
  t.same(await named(path(id, 'pay'), {}), ['paymentMethod', 'paymentReference']);
  t.same(await named(path('not-a-uuid', 'cancel'), { reason }), ['id']);
  t.same(await named('/operations/commissions', { partnerId: 'x', amount: 0, currency: 'KWD', reason }), [
    'amount',
    'currency',
    'partnerId',
  ]);
  t.same(await named('/operations/commissions', { partnerId: 'x', amount: 1.5, currency: 'JPY', reason }), [
    'amount',
    'partnerId',
  ]);
  const yen = await insertCommission(db, { currency: 'JPY', commissionAmount: '100' });
  t.same(await named(path(yen.id, 'adjust'), { newAmount: 99.5, reason }), ['newAmount']);
  t.equal((await entriesOf(id)).length, 1);
  t.match(await call('POST', path(user.id, 'cancel'), { body: { reason } }), {
    status: 404,
    body: { code: 'COMMISSION_NOT_FOUND' },
  });
});

t.test('If-Match refuses a change of anything but the version that was read', async (t) => {
  const { id } = await insertCommission(db);
  const body = { newAmount: 8, reason };
  t.equal((await call('POST', path(id, 'adjust'), { body, headers: { 'if-match': '"1"' } })).status, 200);
  const late = await call('POST', path(id, 'adjust'), {
    body: { newAmount: 9, reason },
    headers: { 'if-match': '"1"' },
  });
  t.match(late, { status: 412, body: { code: 'VERSION_MISMATCH' } });
  t.equal((await entriesOf(id)).length, 2);
});

t.test('fifty parallel calls with one Idempotency-Key make one effect and fifty equal answers', async (t) => {
  const { id } = await insertCommission(db);
  const headers = { 'idempotency-key': 'once' };
  const calls = Array.from({ length: 50 }, () =>
    call('POST', path(id, 'adjust'), { body: { newAmount: 3, reason }, headers }),
  );
  const answers = await Promise.all(calls);
  t.same([...new Set(answers.map(({ status }) => status))], [200]);
  for (const answer of answers) t.same(answer.body, answers[0]?.body);
  t.equal((await entriesOf(id)).length, 2);
  t.equal((await auditOf(db, 'commission', id)).length, 1);
  t.equal((await eventsOf(db, 'commissionId', id)).length, 1);
  const other = await call('POST', path(id, 'adjust'), { body: { newAmount: 4, reason }, headers });
  t.match(other, { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
});

t.test(
  'many people acting at once leave one terminal effect, and history, audit and outbox agree',
  async (t) => {
    const { id } = await insertCommission(db, { status: 'confirmed' });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => {
        if (i % 3 === 0)
          return call('POST', path(id, 'pay'), {
            body: { paymentMethod: 'wire', paymentReference: `W-${i}` },
          });
        if (i % 3 === 1) return call('POST', path(id, 'cancel'), { body: { reason } });
        return call('POST', path(id, 'adjust'), { body: { newAmount: 20 + i, reason } });
      }),
    );
    const done = answers.filter(({ status }) => status === 200);
    t.equal(done.filter(({ body }) => body.data.status !== 'confirmed').length, 1);
    t.ok(answers.every(({ status }) => status === 200 || status === 409));
    const entries = await entriesOf(id);
    t.equal(entries.length, 1 + done.length);
    t.equal((await auditOf(db, 'commission', id)).length, done.length);
    t.equal((await eventsOf(db, 'commissionId', id)).length, done.length);
  },
);

t.test('scopes decide: payments are for finance, changes for admins, nothing for partners', async (t) => {
  const { id } = await insertCommission(db, { status: 'confirmed' });
  const pay = { paymentMethod: 'wire', paymentReference: 'W-9' };
  const status = async (action: string, body: object, as: object) =>
    (await call('POST', path(id, action), { body, as })).status;
  t.equal(await status('adjust', { newAmount: 1, reason }, { role: 'viewer' }), 403);
  t.equal(await status('adjust', { newAmount: 1, reason }, { role: 'finance' }), 403);
  t.equal(await status('adjust', { newAmount: 1, reason }, { role: 'partner', partnerId: user.id }), 403);
  t.equal(await status('pay', pay, { scopes: ['operations:write'] }), 403);
  t.equal(await status('pay', pay, { role: 'finance' }), 200);
  t.equal(await status('clawback', { reason }, { scopes: ['operations:write'] }), 403);
  t.equal(
    (await call('GET', '/operations/commissions', { as: { role: 'partner', partnerId: user.id } })).status,
    403,
  );
  t.equal((await call('GET', '/settings', { as: { role: 'admin' } })).status, 403);
});
