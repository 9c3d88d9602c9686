import { ROLE_SCOPES } from '@tributary/http-kit';
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
    t.match(await refund({ 'if-match': '"2"' }), { status: 200, headers: { etag: '"3"' } });
  },
);

t.test('a bulk change becomes a job that carries its caller and wakes the scheduler', async (t) => {
  const { id } = await insertCommission(db);
  const body = { action: 'cancel', ids: [id, id], params: { reason }, dryRun: true };
  const queued = await call('POST', '/operations/commissions/bulk', { body });
  t.equal(queued.status, 202, queued.text);
  const job = queued.body.data;
  t.match(job, {
    name: 'bulk-commissions',
    status: 'queued',
    trigger: 'api',
    actor: 'Ada Admin',
    parameters: { action: 'cancel', ids: [id], params: { reason }, dryRun: true },
  });
  t.same(await eventsOf(db, 'jobId', job.id), ['job.queued']);
  const [row] = await db.query<{ actor: object }>('SELECT actor FROM jobs WHERE id = $1', [job.id]);
  t.match(row?.actor, { kind: 'user', id: user.id, name: 'Ada Admin', ipAddress: '203.0.113.7' });

  const filtered = await call('POST', '/operations/commissions/bulk', {
    body: { action: 'confirm', filter: { status: 'pending', dateFrom: '2026-01-01' }, params: { reason } },
  });
  t.match(filtered.body.data.parameters, {
    filter: { status: 'pending', dateField: 'created', from: '2026-01-01T00:00:00.000Z' },
    dryRun: false,
  });
  const named = async (wrong: object, as = {}) =>
    (await call('POST', '/operations/commissions/bulk', { body: wrong, as })).status;
  t.equal(await named({ action: 'cancel', params: { reason } }), 400, 'neither ids nor filter');
  t.equal(await named({ action: 'cancel', ids: [id], filter: {}, params: { reason } }), 400, 'both');
  t.equal(await named({ action: 'explode', ids: [id], params: { reason } }), 400);
  t.equal(await named({ action: 'cancel', ids: [id], params: {} }), 400);
  const pay = { action: 'pay', ids: [id], params: { paymentMethod: 'wire', paymentReference: 'B-1' } };
  t.equal(await named(pay, { scopes: ['operations:write'] }), 403);
  t.equal(await named(pay, { scopes: ['operations:write', 'payments:write'] }), 202);
});

t.test(
  'of a bulk change the action says who may: finance pays, tries out paying, and stops it',
  async (t) => {
    const { id } = await insertCommission(db, { status: 'confirmed' });
    const finance = { scopes: [...ROLE_SCOPES.finance] };
    const change = (action: string, params: object, as: object) =>
      call('POST', '/operations/commissions/bulk', { body: { action, ids: [id], params }, as });
    const payment = { paymentMethod: 'wire', paymentReference: 'B-2' };
    const paying = await change('pay', payment, finance);
    t.equal(paying.status, 202, paying.text);
    const tryOut = async (as: object): Promise<number> => {
      const body = { action: 'pay', ids: [id], params: payment, dryRun: true };
      return (await call('POST', '/operations/commissions/bulk', { body, as })).status;
    };
    t.equal(await tryOut(finance), 202);
    t.equal(await tryOut({ scopes: ['operations:write'] }), 403, 'trying out needs what doing needs');
    t.match(await change('cancel', { reason }, finance), {
      status: 403,
      body: { detail: 'The scope operations:write is needed' },
    });
    t.equal((await change('cancel', { reason }, { scopes: ['operations:write'] })).status, 202);
    t.equal((await change('cancel', {}, { scopes: ['operations:read'] })).status, 403, 'before any field');
    t.equal((await change('pay', payment, { ...finance, partnerId: user.id })).status, 403, 'no partner');

    const confirming = await change('confirm', { reason }, {});
    const cancel = (job: string) => call('POST', `/operations/jobs/${job}/cancel`, { as: finance });
    t.match(await cancel(confirming.body.data.id), { status: 403, body: { code: 'FORBIDDEN' } });
    t.match(await cancel(paying.body.data.id), { status: 200, body: { data: { status: 'cancelled' } } });
    t.match(await cancel(user.id), { status: 404, body: { code: 'JOB_NOT_FOUND' } });
  },
);

t.test('a job is run by hand, listed, read with its results and cancelled', async (t) => {
  const run = await call('POST', '/operations/jobs/confirm-due-commissions/run', { body: {} });
  t.match(
    run,
    { status: 202, body: { data: { name: 'confirm-due-commissions', trigger: 'manual', status: 'queued' } } },
    run.text,
  );
  const { id } = run.body.data;
  t.match(await call('POST', '/operations/jobs/format-disk/run', { body: {} }), {
    status: 404,
    body: { code: 'JOB_NOT_FOUND' },
  });
  t.equal(
    (
      await call('POST', '/operations/jobs/confirm-due-commissions/run', {
        as: { scopes: ['operations:write'] },
      })
    ).status,
    403,
  );
  t.equal(
    (await call('GET', '/operations/jobs?name=confirm-due-commissions&status=queued')).body.data[0].id,
    id,
  );

  for (const itemId of ['a', 'b', 'c'])
    await insertRow(db, 'jobResults', {
      jobId: id,
      itemId,
      success: itemId !== 'b',
      code: itemId === 'b' ? 'COMMISSION_ALREADY_PAID' : null,
    });
  const detail = await call('GET', `/operations/jobs/${id}?limit=2&page=1`);
  t.match(detail.body.data, {
    id,
    resultsTotal: 3,
    results: [
      { id: 'a', success: true },
      { id: 'b', success: false, code: 'COMMISSION_ALREADY_PAID' },
    ],
  });

  t.match((await call('POST', `/operations/jobs/${id}/cancel`)).body.data, {
    status: 'cancelled',
    cancelRequested: true,
  });
  t.match(await call('POST', `/operations/jobs/${id}/cancel`), {
    status: 409,
    body: { code: 'JOB_ENDED', currentStatus: 'cancelled' },
  });
  t.match(await call('POST', `/operations/jobs/${user.id}/cancel`), {
    status: 404,
    body: { code: 'JOB_NOT_FOUND' },
  });
  const running = (await call('POST', '/operations/jobs/maintain-partitions/run')).body.data;
  await db.query(`UPDATE jobs SET status = 'running' WHERE id = $1`, [running.id]);
  t.match((await call('POST', `/operations/jobs/${running.id}/cancel`)).body.data, {
    status: 'running',
    cancelRequested: true,
  });
  t.same(
    (await auditOf(db, 'job', id)).map(({ action }) => action),
    ['queued', 'cancelled'],
  );
  const ended = await db.query(
    `SELECT subject ->> 'jobId' AS id, data ->> 'status' AS status FROM outbox_events
     WHERE type = 'job.finished' AND subject ->> 'jobId' IN ($1, $2)`,
    [id, running.id],
  );
  t.same(ended, [{ id, status: 'cancelled' }], 'of the running one its runner tells');
});

t.test('the body of a run is its parameters, by themselves or as parameters', async (t) => {
  const run = (name: string, body: object) => call('POST', `/operations/jobs/${name}/run`, { body });
  const days = { from: '2026-01-01', to: '2026-01-02T00:00:00Z' };
  t.match(await run('rebuild-rollups', days), { status: 202, body: { data: { parameters: days } } });
  t.match(await run('rebuild-rollups', { parameters: days }), {
    status: 202,
    body: { data: { parameters: days } },
  });
  t.same((await run('purge-expired', { parameters: {} })).body.data.parameters, {});

  const refusedFields = async (name: string, body: object) => {
    const { status, body: problem } = await run(name, body);
    t.match({ status, code: problem.code }, { status: 400, code: 'VALIDATION_ERROR' });
    return problem.errors.map(({ path }: { path: string }) => path).sort();
  };
  t.same(await refusedFields('rebuild-rollups', { from: 'now', force: true }), ['force', 'from']);
  t.same(await refusedFields('rebuild-rollups', { parameters: { from: 'now', force: true } }), [
    'parameters.force',
    'parameters.from',
  ]);
  t.same(await refusedFields('purge-expired', days), ['from', 'to'], 'parameters of other jobs');
  t.same(await refusedFields('purge-expired', { parameters: { to: days.to } }), ['parameters.to']);
  t.same(
    await refusedFields('rebuild-rollups', { ...days, parameters: {} }),
    ['from', 'to'],
    'in two places',
  );
});

t.test('fifty parallel runs with one Idempotency-Key queue one job', async (t) => {
  const startedAt = new Date();
  const calls = Array.from({ length: 50 }, () =>
    call('POST', '/operations/jobs/purge-expired/run', { body: {}, headers: { 'idempotency-key': 'run' } }),
  );
  const answers = await Promise.all(calls);
  t.same([...new Set(answers.map(({ status }) => status))], [202]);
  const queued = await db.query<{ id: string }>(
    `SELECT id FROM jobs WHERE name = 'purge-expired' AND created_at >= $1`,
    [startedAt],
  );
  t.equal(queued.length, 1);
  t.same([...new Set(answers.map(({ body }) => body.data?.id))], [queued[0]?.id]);
});

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
