import { insertCommission, insertConversion, insertPartner, insertRow } from '@tributary/testkit';
import { uuidv7 } from 'uuidv7';
import t from 'tap';
import { auditOf, eventsOf, startOperations } from './harness.ts';

const { db, call, user, messaging, metrics } = await startOperations(t);
const reason = 'order sent back';

t.test('a partial refund shrinks conversion and commission, a full one cancels it', async (t) => {
  const partner = await insertPartner(db);
  const conversion = await insertConversion(db, { partnerId: partner.id, status: 'confirmed' });
  const commission = await insertCommission(db, {
    partnerId: partner.id,
    conversionId: conversion.id,
    productId: conversion.productId,
  });
  const refund = (refundAmount: number) =>
    call('POST', '/operations/refunds', {
      body: { conversionId: conversion.id, refundAmount, reason, reasonCode: 'order_returned' },
    });
  const part = await refund(25);
  t.equal(part.status, 200, part.text);
  t.match(part.body.data, {
    conversion: { id: conversion.id, status: 'partial_refund', refundedAmount: 25 },
    commission: { id: commission.id, commissionAmount: 7.5, status: 'pending' },
  });
  t.match(await refund(75.01), {
    status: 409,
    body: { code: 'REFUND_EXCEEDS_REMAINING', currentStatus: 'partial_refund' },
  });
  t.match((await refund(75)).body.data, {
    conversion: { status: 'refunded' },
    commission: { status: 'cancelled', commissionAmount: 7.5 },
  });
  t.match(await refund(1), { status: 409, body: { code: 'CONVERSION_ENDED' } });
  t.same(await eventsOf(db, 'commissionId', commission.id), ['commission.refunded', 'commission.refunded']);
  t.equal((await auditOf(db, 'conversion', conversion.id)).length, 2);
});

t.test('an operator refunds nothing that is paid, unknown or badly named', async (t) => {
  const paid = await insertCommission(db, { status: 'paid' });
  const body = { conversionId: paid.conversionId, refundAmount: 5, reason };
  const refused = await call('POST', '/operations/refunds', { body });
  t.match(refused, { status: 409, body: { code: 'COMMISSION_ALREADY_PAID' } });
  t.match(refused.body.detail, /claw it back/);
  t.match(await call('POST', '/operations/refunds', { body: { ...body, conversionId: user.id } }), {
    status: 404,
    body: { code: 'CONVERSION_NOT_FOUND' },
  });
  const wrong = await call('POST', '/operations/refunds', { body: { conversionId: 'x', refundAmount: 0 } });
  t.same(wrong.body.errors.map(({ path }: { path: string }) => path).sort(), [
    'conversionId',
    'reason',
    'refundAmount',
  ]);
});

t.test('the audit trail tells who did what, the newest first, in a sentence', async (t) => {
  const { id } = await insertCommission(db);
  await call('POST', `/operations/commissions/${id}/adjust`, {
    body: { newAmount: 8, reason: 'negotiated' },
  });
  await call('POST', `/operations/commissions/${id}/confirm`, { body: { reason: 'early payment.' } });
  const trail = await call('GET', `/operations/audit-trail/commission/${id}`);
  t.equal(trail.status, 200, trail.text);
  t.same(
    trail.body.data.map(({ description }: { description: string }) => description),
    [
      'Ada Admin confirmed the commission: status from pending to confirmed. Reason: early payment.',
      'Ada Admin adjusted the commission: commissionAmount from 10 to 8. Reason: negotiated.',
    ],
  );
  t.match(trail.body.data[0], {
    userId: user.id,
    ipAddress: '203.0.113.7',
    userAgent: 'tributary-tests/1.0',
    entityId: id,
  });
  t.match(trail.body.meta, { total: 2, page: 1 });
  const second = await call('GET', `/operations/audit-trail/commission/${id}?limit=1&page=2`);
  t.match(second.body, { data: [{ action: 'adjusted' }], meta: { totalPages: 2 } });
  const own = await call('GET', `/operations/activity/user/${user.id}?limit=2`);
  t.same(
    own.body.data.map(({ action }: { action: string }) => action),
    ['confirmed', 'adjusted'],
  );
  const recent = await call('GET', '/operations/activity/recent?limit=1');
  t.match(recent.body.data, [{ action: 'confirmed', entityId: id }]);
  t.equal((await call('GET', '/operations/audit-trail/Commission/1')).status, 400);
  const shouted = await call('GET', `/operations/audit-trail/commission/${id.toUpperCase()}`);
  t.equal(shouted.body.meta.total, 2, 'an id in capitals is the same id');
});

t.test('an explanation tells partner, policies, arithmetic and every change', async (t) => {
  const decision = {
    summary: '10.00 USD by STANDARD.',
    considered: [
      { code: 'STANDARD', version: 2, outcome: 'winner', reasons: ['the only policy that applies'] },
    ],
    arithmetic: [{ sentence: '10 % of 100.00 is 10.00.' }],
  };
  const partner = await insertPartner(db, { name: 'Northwind' });
  const { id } = await insertCommission(db, { partnerId: partner.id, metadata: { decision } });
  await call('POST', `/operations/commissions/${id}/adjust`, {
    body: { newAmount: 8, reason: 'negotiated' },
  });
  const { body } = await call('GET', `/operations/commissions/${id}/explain`);
  t.match(body.data.sentences, {
    partner: /^Northwind is credited with 100 %/,
    policy: ['STANDARD (version 2) winner: the only policy that applies.'],
    amount: ['10.00 USD by STANDARD.', '10 % of 100.00 is 10.00.', 'It is 8 USD now.'],
    changes: [/Ada Admin adjusted the commission: commissionAmount from 10 to 8/],
  });
  t.match(body.data, { decision, attribution: { model: 'last_touch', isPrimary: true }, commission: { id } });
});

t.test("an explanation names the partner's clicks, and of a claw-back what it takes back", async (t) => {
  const partner = await insertPartner(db, { name: 'Eastwind' });
  const paid = await insertCommission(db, { partnerId: partner.id, status: 'paid' });
  const click = { clickId: paid.id, clickedAt: '2026-01-01T10:00:00.000Z' };
  const path = [
    { ...click, partnerId: partner.id, weight: '0.400000' },
    { ...click, partnerId: user.id, weight: '0.600000' },
  ];
  await db.query('UPDATE conversion_events SET attribution_path = $1, referral_code = NULL WHERE id = $2', [
    path,
    paid.conversionId ?? '',
  ]);
  const explained = await call('GET', `/operations/commissions/${paid.id}/explain`);
  t.match(
    explained.body.data.sentences.partner,
    /over 2 clicks before the order: 40 % for the click of 2026-01-01T10:00:00.000Z\.$/,
  );
  const body = { amount: 4, reason: 'returned' };
  const clawed = await call('POST', `/operations/commissions/${paid.id}/clawback`, { body });
  const { body: why } = await call('GET', `/operations/commissions/${clawed.body.data.id}/explain`);
  t.same(why.data.sentences.amount, [`It takes back 4 USD of commission ${paid.id}.`]);
});

t.test('a commission tells of its claw-backs, which are commissions of their own', async (t) => {
  const paid = await insertCommission(db, { status: 'paid', commissionAmount: '10.00' });
  const clawBack = async (amount: number, reason: string): Promise<string> =>
    (await call('POST', `/operations/commissions/${paid.id}/clawback`, { body: { amount, reason } })).body
      .data.id;
  const first = await clawBack(4, 'returned');
  const second = await clawBack(1.5, 'fraud');
  await call('POST', `/operations/commissions/${first}/pay`, {
    body: { paymentMethod: 'wire', paymentReference: 'REF' },
  });

  const { data } = (await call('GET', `/operations/commissions/${paid.id}/explain`)).body;
  t.match(data.changes, [
    { commissionId: first, clawedBack: 4, action: 'clawed_back', actor: 'Ada Admin', reason: 'returned' },
    { commissionId: second, clawedBack: 1.5, action: 'clawed_back', actor: 'Ada Admin', reason: 'fraud' },
  ]);
  t.match(data.sentences.changes, [
    new RegExp(`Ada Admin clawed back 4 USD, as commission ${first}\\. Reason: returned\\.$`),
    new RegExp(`Ada Admin clawed back 1\\.5 USD, as commission ${second}\\. Reason: fraud\\.$`),
  ]);
  t.equal(data.changes.length, 2, 'what becomes of a claw-back is its own story');

  const detail = (await call('GET', `/operations/commissions/${paid.id}`)).body.data;
  t.match(detail.clawbacks, [
    { id: first, commissionAmount: -4, status: 'paid', reason: 'returned', actor: 'Ada Admin' },
    { id: second, commissionAmount: -1.5, status: 'confirmed', reason: 'fraud', actor: 'Ada Admin' },
  ]);
  t.same((await call('GET', `/operations/commissions/${first}`)).body.data.clawbacks, []);
  const own = (await call('GET', `/operations/commissions/${first}/explain`)).body.data;
  t.match(own.changes, [
    { commissionId: first, clawedBack: null, action: 'clawed_back' },
    { commissionId: first, clawedBack: null, action: 'paid' },
  ]);
});

t.test(
  'a refund answers the version of its conversion, and honours the one that the caller has seen',
  async (t) => {
    const { conversionId } = await insertCommission(db);
    const refund = (headers = {}) =>
      call('POST', '/operations/refunds', {
        body: { conversionId, refundAmount: 1, reason: 'returned' },
        headers,
      });
    const first = await refund({ 'if-match': '"1"' });
    t.match(first, { status: 200, headers: { etag: '"2"' } }, first.text);
    t.match(await refund({ 'if-match': '"1"' }), { status: 412, body: { code: 'VERSION_MISMATCH' } });
    const keyed = () => refund({ 'if-match': '"2"', 'idempotency-key': `refund-${conversionId}` });
    t.match(await keyed(), { status: 200, headers: { etag: '"3"' } });
    t.match(await keyed(), { status: 200, headers: { etag: '"3"', 'idempotency-replayed': 'true' } });
  },
);

t.test('a dead letter is listed, and replayed to the consumer that gave it up', async (t) => {
  await messaging.whenLive(AbortSignal.timeout(10_000));
  const { id: commissionId } = await insertCommission(db);
  await call('POST', `/operations/commissions/${commissionId}/confirm`, { body: { reason } });
  const [event] = await db.query<{ id: string; type: string; payload: object }>(
    `SELECT id, type, jsonb_build_object('id', id, 'type', type) AS payload FROM outbox_events WHERE subject ->> 'commissionId' = $1`,
    [commissionId],
  );
  const letter = { stream: 'COMMISSIONS', consumer: 'webhooks', reason: 'no such endpoint', deliveries: 5 };
  const { id } = await insertRow(db, 'deadLetters', {
    ...letter,
    id: uuidv7(),
    eventId: event?.id ?? null,
    eventType: event?.type ?? null,
    payload: event?.payload ?? {},
  });
  const { id: nonsense } = await insertRow(db, 'deadLetters', {
    ...letter,
    id: uuidv7(),
    payload: { raw: 'x' },
  });
  t.equal(
    (await call('GET', '/operations/dead-letters?consumer=webhooks&replayed=false')).body.meta.total,
    2,
  );
  const replayed = await call('POST', `/operations/dead-letters/${id}/replay`);
  t.match(replayed, { status: 200, body: { data: { id, replayed: true } } }, replayed.text);
  t.same(
    (await call('GET', '/operations/dead-letters?replayed=true')).body.data.map(
      (one: { id: string }) => one.id,
    ),
    [id],
  );
  t.match(await auditOf(db, 'dead_letter', id), [{ action: 'replayed', actor: 'Ada Admin' }]);
  t.match(await call('POST', `/operations/dead-letters/${nonsense}/replay`), {
    status: 409,
    body: { code: 'DEAD_LETTER_NOT_AN_EVENT' },
  });
  t.match(await call('POST', `/operations/dead-letters/${user.id}/replay`), {
    status: 404,
    body: { code: 'DEAD_LETTER_NOT_FOUND' },
  });
});

t.test('transitions are counted by action and outcome', async (t) => {
  const text = await metrics.expose();
  t.match(text, /commission_transitions_total\{[^}]*action="confirm"[^}]*outcome="done"/);
  t.match(text, /commission_transitions_total\{[^}]*action="refund"[^}]*outcome="refused"/);
});
