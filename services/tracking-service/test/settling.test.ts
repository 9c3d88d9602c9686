import t from 'tap';
import { newId } from '@tributary/runtime';
import { identityHeaders } from '@tributary/testkit';
import { openShop, settled } from './shop-under-test.ts';
import { SHOP } from './tracking-under-test.ts';

const { db, tracking, ann, order, post } = await openShop(t);

t.test('a shop confirms, cancels and refunds', async (t) => {
  const [pending] = settled(await post(order({ referralCode: ann.referralCode }))).conversions;
  const at = (action: string, body?: object) =>
    tracking.post(`/tracking/conversions/${pending?.id}/${action}`, body, SHOP);
  const confirmed = await at('confirm');
  t.match(confirmed, {
    status: 200,
    body: { data: { conversions: [{ status: 'confirmed' }], commissions: [{ commissionAmount: 10 }] } },
  });
  t.match(await at('confirm'), {
    status: 409,
    body: { code: 'CONVERSION_NOT_PENDING', currentStatus: 'confirmed', allowedStatuses: ['pending'] },
  });
  const refund = { refundAmount: 25, refundId: 'R-1', reason: 'one came back', reasonCode: 'order_returned' };
  const refunded = await at('refund', refund);
  t.match(refunded, {
    status: 200,
    body: {
      data: {
        conversion: { status: 'partial_refund', refundedAmount: 25 },
        commission: { commissionAmount: 7.5 },
        clawbacks: [],
      },
    },
  });
  t.match(await at('refund', refund), {
    status: 200,
    body: { data: { conversion: { refundedAmount: 25 } } },
  });
  t.match(await at('refund', { ...refund, refundAmount: 26 }), {
    status: 409,
    body: { code: 'REFUND_ID_REUSED' },
  });
  t.match(await at('refund', { ...refund, refundId: 'R-2', refundAmount: 76 }), {
    status: 409,
    body: { code: 'REFUND_EXCEEDS_REMAINING' },
  });
  t.match(await at('cancel', { reason: 'fraud', reasonCode: 'fraud' }), {
    status: 200,
    body: { data: { conversions: [{ status: 'cancelled' }], commissions: [{ status: 'cancelled' }] } },
  });
  t.match(await at('cancel', { reason: 'again' }), { status: 409, body: { code: 'CONVERSION_ENDED' } });
  t.match(await at('cancel', {}), { status: 409, body: { code: 'CONVERSION_ENDED' } });
  t.match(await at('cancel', { reason: ' ' }), { status: 400, body: { errors: [{ path: 'reason' }] } });
  t.match(await at('refund', { refundAmount: 1 }), {
    status: 400,
    body: { errors: [{ path: 'refundId' }, { path: 'reason' }] },
  });
  t.match(await tracking.post(`/tracking/conversions/${newId()}/confirm`, undefined, SHOP), {
    status: 404,
    body: { code: 'CONVERSION_NOT_FOUND' },
  });
});

t.test('confirming and cancelling need no reason, and keep one that is given', async (t) => {
  const reasonsOf = async (entity: string, id: string | undefined) =>
    db.query(
      `SELECT action, reason, reason_code FROM audit_logs WHERE entity_type = $1 AND entity_id = $2 ORDER BY id`,
      [entity, id ?? ''],
    );
  const settle = async (confirmation?: object, cancellation?: object) => {
    const [pending] = settled(await post(order({ referralCode: ann.referralCode }))).conversions;
    const at = `/tracking/conversions/${pending?.id}`;
    const confirmed = await tracking.post(`${at}/confirm`, confirmation, SHOP);
    t.equal(confirmed.status, 200, JSON.stringify(confirmed.body));
    const cancelled = await tracking.post(`${at}/cancel`, cancellation, SHOP);
    t.equal(cancelled.status, 200, JSON.stringify(cancelled.body));
    const [commission] = settled(cancelled).commissions;
    const said = [await reasonsOf('conversion', pending?.id), await reasonsOf('commission', commission?.id)];
    const entries = await db.query(
      `SELECT action, reason, reason_code FROM commission_entries WHERE commission_id = $1 ORDER BY version`,
      [commission?.id ?? ''],
    );
    t.same(entries, said[1]);
    return said;
  };
  const none = { reason: null, reasonCode: null };
  const cancelled = { action: 'cancelled', reason: 'The order was cancelled.', reasonCode: null };
  for (const empty of [undefined, {}]) {
    t.same(await settle(empty, empty), [
      [{ action: 'recorded', ...none }, { action: 'confirmed', ...none }, cancelled],
      [{ action: 'created', ...none }, cancelled],
    ]);
  }
  const delivered = { reason: 'delivered', reasonCode: 'other' };
  t.same(await settle(delivered, { reasonCode: 'order_cancelled' }), [
    [
      { action: 'recorded', ...none },
      { action: 'confirmed', ...delivered },
      { ...cancelled, reasonCode: 'order_cancelled' },
    ],
    [
      { action: 'created', ...delivered },
      { ...cancelled, reasonCode: 'order_cancelled' },
    ],
  ]);
  t.ok(
    await tracking.metric(
      'commission_transitions_total{action="cancel",outcome="done",service="tracking-service"}',
    ),
  );
  t.notOk(await tracking.metric('action="cancelled"'));
});

t.test('a conversion is answered with its version as ETag', async (t) => {
  const [conversion] = settled(await post(order({ referralCode: ann.referralCode }))).conversions;
  const read = () => tracking.get(`/tracking/conversions/${conversion?.id}`, SHOP);
  t.equal((await read()).headers['etag'], '"1"');
  await tracking.post(`/tracking/conversions/${conversion?.id}/confirm`, undefined, SHOP);
  t.equal((await read()).headers['etag'], '"2"');
});

t.test("a shop's refund of what was paid is clawed back, and cancelling it refused", async (t) => {
  const sale = settled(await post(order({ referralCode: ann.referralCode, confirmed: true })));
  const [conversion] = sale.conversions;
  await db.query(
    `UPDATE commissions SET status = 'paid', confirmed_at = now(), paid_at = now(), payment_method = 'bank', payment_reference = 'TX'
     WHERE id = $1`,
    [sale.commissions[0]?.id ?? ''],
  );
  t.match(await tracking.post(`/tracking/conversions/${conversion?.id}/cancel`, { reason: 'no' }, SHOP), {
    status: 409,
    body: { code: 'COMMISSION_ALREADY_PAID' },
  });
  const refunded = await tracking.post(
    `/tracking/conversions/${conversion?.id}/refund`,
    { refundAmount: 50, refundId: 'P-1', reason: 'back' },
    SHOP,
  );
  t.match(refunded, {
    status: 200,
    body: {
      data: {
        commission: { status: 'paid', commissionAmount: 10, clawedBackAmount: 5 },
        clawbacks: [{ kind: 'clawback', commissionAmount: -5, status: 'confirmed' }],
      },
    },
  });
});

t.test('money that somebody else has changed meanwhile is refused with 412', async (t) => {
  const placed = await post(order({ referralCode: ann.referralCode, confirmed: true }));
  const [conversion] = settled(placed).conversions;
  const send = (action: string, version: number, payload: object, key = newId()) =>
    tracking.app.inject({
      method: 'POST',
      url: `/tracking/conversions/${conversion?.id}/${action}`,
      headers: {
        ...identityHeaders({ service: 'tracking-service', ...SHOP }),
        'if-match': `"${version}"`,
        'idempotency-key': key,
      },
      payload,
    });
  const refund = { refundAmount: 10, refundId: 'R-412', reason: 'came back' };
  t.equal((await send('refund', 7, refund)).statusCode, 412);
  for (const refunded of [
    await send('refund', 1, refund, 'refund'),
    await send('refund', 1, refund, 'refund'),
  ])
    t.match({ status: refunded.statusCode, etag: refunded.headers.etag }, { status: 200, etag: '"2"' });
  const repeated = await send('refund', 1, refund);
  t.match({ status: repeated.statusCode, etag: repeated.headers.etag }, { status: 200, etag: '"2"' });
  const cancel = { reason: 'never shipped' };
  t.match((await send('cancel', 1, cancel)).json(), { status: 412, code: 'VERSION_MISMATCH' });
  const key = newId();
  for (const replayed of [undefined, 'true']) {
    const { statusCode, headers } = await send('cancel', 2, cancel, key);
    t.match({ statusCode, etag: headers.etag }, { statusCode: 200, etag: '"3"' });
    t.equal(headers['idempotency-replayed'], replayed);
  }
});

t.test(
  'an id is the same in capitals, and a refund beyond all bounds is refused like any other',
  async (t) => {
    const placed = await post(order({ referralCode: ann.referralCode, confirmed: true }));
    const [conversion] = settled(placed).conversions;
    const at = `/tracking/conversions/${String(conversion?.id).toUpperCase()}/refund`;
    const refund = { refundAmount: 10, refundId: 'R-CAPITALS', reason: 'came back' };
    t.match(await tracking.post(at, refund, SHOP), {
      status: 200,
      body: { data: { conversion: { refundedAmount: 10 } } },
    });
    const beyond = { ...refund, refundId: 'R-BEYOND', refundAmount: 999_999_999_999.99 };
    t.match(await tracking.post(at, beyond, SHOP), {
      status: 409,
      body: { code: 'REFUND_EXCEEDS_REMAINING' },
    });
  },
);
