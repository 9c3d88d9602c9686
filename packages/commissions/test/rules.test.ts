import {
  attributeClicks,
  attributeCode,
  changeCommission,
  changeCommissions,
  clawBackCommission,
  confirmConversion,
  newId,
  recordConversion,
  refundConversion,
  type CommandDeps,
} from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { insertPartner, insertPolicy, insertProduct } from '@tributary/testkit';
import t from 'tap';
import { z } from 'zod';

import { contextAt, recordSale, setUp } from './command-setup.ts';

/** The same database, on which somebody else acts once between a command's decision and its statement. */
function interruptedBy(db: Database, act: () => Promise<unknown>): Database {
  let acted = false;
  return {
    ...db,
    async query<Row extends object>(...[text, params]: Parameters<Database['query']>) {
      if (!acted && text.startsWith('WITH')) {
        acted = true;
        await act();
      }
      return db.query<Row>(text, params);
    },
  };
}

const pay = { action: 'pay', paymentMethod: 'bank', paymentReference: 'TX' } as const;

async function payFor(deps: CommandDeps, commissionId: string) {
  const confirm = { action: 'confirm', reason: 'checked' } as const;
  await changeCommission(deps, contextAt(), { commissionId, command: confirm });
  return changeCommission(deps, contextAt(), { commissionId, command: pay });
}

const line = (productId: string, amount: string) => ({
  productId,
  quantity: 1,
  amount,
  commissionableAmount: amount,
});

const idsIn = (json: string): string[] =>
  z
    .array(z.object({ id: z.string() }))
    .parse(JSON.parse(json))
    .map(({ id }) => id);

t.test(
  'the last use of a policy goes to one line of an order, and the next policy has the other',
  async (t) => {
    const sale = await setUp(t);
    const limited = await insertPolicy(sale.db, { priority: 10, terms: { rate: '50', maxUsageTotal: 1 } });
    const other = await insertProduct(sale.db);
    const recorded = await recordConversion(sale.deps, contextAt(), {
      orderId: 'two-lines',
      currency: 'USD',
      placedAt: new Date(),
      customerRefHash: null,
      confirmed: true,
      lines: [line(sale.product.id, '10.00'), line(other.id, '20.00')],
      metadata: {},
      attribute: async () => attributeCode('last_touch', { partnerId: sale.partner.id, referralCode: 'X' }),
    });
    t.equal(recorded.outcome, 'recorded');
    const rows = await sale.db.query<{ policyId: string; amount: string }>(
      'SELECT policy_id, commission_amount AS amount FROM commissions ORDER BY order_amount',
    );
    t.same(rows, [
      { policyId: limited.id, amount: '5.00' },
      { policyId: sale.policy.id, amount: '2.00' },
    ]);
  },
);

t.test('a repetition with one line more records that line and answers both', async (t) => {
  const sale = await setUp(t);
  const other = await insertProduct(sale.db);
  const first = await recordSale(sale, { orderId: 'grows' });
  let asked = 0;
  const post = (amount: string) =>
    recordConversion(sale.deps, contextAt(), {
      orderId: 'grows',
      currency: 'USD',
      placedAt: new Date(),
      customerRefHash: null,
      confirmed: true,
      lines: [line(sale.product.id, '100.00'), line(other.id, amount)],
      metadata: {},
      attribute: async () => {
        asked += 1;
        return attributeCode('last_touch', {
          partnerId: (await insertPartner(sale.db)).id,
          referralCode: 'X',
        });
      },
    });
  const grown = await post('50.00');
  t.equal(grown.outcome, 'recorded');
  if (grown.outcome !== 'recorded') return;
  const conversions = idsIn(grown.conversions);
  t.equal(conversions.length, 2);
  t.ok(conversions.includes(first.conversionId), 'the line that was there');
  t.ok(idsIn(grown.commissions).includes(first.commissionId), 'and its commission');
  const again = await post('50.00');
  t.equal(again.outcome, 'repeated');
  if (again.outcome === 'repeated') t.same(idsIn(again.conversions), conversions);
  t.match(await post('51.00'), { outcome: 'conflict', field: 'amount' });
  t.equal(asked, 0, 'the attribution was decided with the first line');
  const [order] = await sale.db.query('SELECT amount, version FROM orders');
  t.same(order, { amount: '150.00', version: 2 });
});

t.test('a partner put on hold between decision and payment is not paid', async (t) => {
  const sale = await setUp(t);
  const { commissionId } = await recordSale(sale);
  const confirm = { action: 'confirm', reason: 'checked' } as const;
  await changeCommission(sale.deps, contextAt(), { commissionId, command: confirm });
  const db = interruptedBy(sale.db, () =>
    sale.db.query('UPDATE partners SET payment_hold = true WHERE id = $1', [sale.partner.id]),
  );
  const paid = await changeCommission({ ...sale.deps, db }, contextAt(), { commissionId, command: pay });
  t.match(paid, { outcome: 'refused', code: 'PARTNER_ON_PAYMENT_HOLD' });
});

t.test('a job changes a commission once, however late one of its runners wakes up', async (t) => {
  const sale = await setUp(t);
  const { commissionId, conversionId } = await recordSale(sale);
  const command = { action: 'adjust', newAmount: 12.5, reason: 'agreed' } as const;
  const jobContext = { ...contextAt(), jobId: newId() };
  const items = [{ commissionId, command }];
  // While the first runner sleeps another takes the job over, and half of the line comes back.
  const db = interruptedBy(sale.db, async () => {
    t.match(await changeCommissions(sale.deps, jobContext, items), [{ outcome: 'done' }]);
    await refundConversion(sale.deps, contextAt(), { conversionId, amount: 50, reason: 'half came back' });
  });
  t.match(await changeCommissions({ ...sale.deps, db }, jobContext, items), [{ outcome: 'repeated' }]);
  t.match(await changeCommissions(sale.deps, jobContext, items), [{ outcome: 'repeated' }]);
  const [left] = await sale.db.query('SELECT commission_amount AS amount FROM commissions WHERE id = $1', [
    commissionId,
  ]);
  t.same(left, { amount: '6.25' });
});

t.test('a claw-back during a refund is taken into account by it', async (t) => {
  const sale = await setUp(t);
  const { commissionId, conversionId } = await recordSale(sale);
  await payFor(sale.deps, commissionId);
  const db = interruptedBy(sale.db, () =>
    clawBackCommission(sale.deps, contextAt(), { commissionId, amount: 4, reason: 'agreed' }),
  );
  const refund = { conversionId, amount: 50, reason: 'half came back', shopRefundId: 'R-1' };
  const refunded = await refundConversion({ ...sale.deps, db }, contextAt(), refund);
  t.equal(refunded.outcome, 'done');
  const [paid] = await sale.db.query('SELECT clawed_back_amount AS taken FROM commissions WHERE id = $1', [
    commissionId,
  ]);
  t.same(paid, { taken: '5.00' }, 'half of ten in all, not four and five');
});

t.test(
  'a claw-back by a refund names the policy of what was paid, and a repetition answers it again',
  async (t) => {
    const sale = await setUp(t);
    const { commissionId, conversionId } = await recordSale(sale);
    await payFor(sale.deps, commissionId);
    const refund = { conversionId, amount: 20, reason: 'came back', shopRefundId: 'R-1' };
    const first = await refundConversion(sale.deps, contextAt(), refund);
    const again = await refundConversion(sale.deps, contextAt(), refund);
    t.match([first.outcome, again.outcome], ['done', 'repeated']);
    if (first.outcome !== 'done' || again.outcome !== 'repeated') return;
    t.match(JSON.parse(first.result), {
      clawbacks: [
        { commissionAmount: -2, policyId: sale.policy.id, policyVersion: 1, policyType: 'percentage' },
      ],
    });
    t.same(JSON.parse(again.result), JSON.parse(first.result));
  },
);

t.test('a refund of nothing or less is refused', async (t) => {
  const sale = await setUp(t);
  const { conversionId } = await recordSale(sale);
  for (const amount of [0, -1]) {
    const refund = refundConversion(sale.deps, contextAt(), { conversionId, amount, reason: 'typo' });
    t.match(await refund, { outcome: 'invalid', field: 'refundAmount' });
  }
});

t.test('one refund id sent for two lines of an order at once is recorded once', async (t) => {
  const sale = await setUp(t);
  const products = await Promise.all([0, 1, 2, 3, 4, 5].map(() => insertProduct(sale.db)));
  const recorded = await recordConversion(sale.deps, contextAt(), {
    orderId: 'six-lines',
    currency: 'USD',
    placedAt: new Date(),
    customerRefHash: null,
    confirmed: true,
    lines: products.map(({ id }) => line(id, '10.00')),
    metadata: {},
    attribute: async () => attributeCode('last_touch', { partnerId: sale.partner.id, referralCode: 'X' }),
  });
  if (recorded.outcome !== 'recorded') throw new Error(recorded.outcome);
  const outcomes = await Promise.all(
    idsIn(recorded.conversions).map((conversionId) =>
      refundConversion(sale.deps, contextAt(), { conversionId, amount: 1, reason: 'x', shopRefundId: 'R-1' }),
    ),
  );
  t.same(outcomes.map(({ outcome }) => outcome).sort(), [
    'done',
    ...Array.from({ length: 5 }, () => 'refund_id_reused'),
  ]);
});

t.test(
  'a line refunded before its confirmation is confirmed as partly refunded, for every partner',
  async (t) => {
    const sale = await setUp(t);
    const second = await insertPartner(sale.db);
    const touch = (partnerId: string, clickId: string) => ({
      clickId,
      partnerId,
      clickedAt: new Date(0),
      referralCode: 'CODE',
      subId: null,
    });
    const recorded = await recordConversion(sale.deps, contextAt(), {
      orderId: 'shared',
      currency: 'USD',
      placedAt: new Date(),
      customerRefHash: null,
      confirmed: false,
      lines: [line(sale.product.id, '100.00')],
      metadata: {},
      attribute: async () =>
        attributeClicks('linear', [
          touch(sale.partner.id, '019a0000-0000-7000-8000-000000000001'),
          touch(second.id, '019a0000-0000-7000-8000-000000000002'),
        ]),
    });
    if (recorded.outcome !== 'recorded') throw new Error(recorded.outcome);
    const [conversionId = ''] = idsIn(recorded.conversions);
    await refundConversion(sale.deps, contextAt(), { conversionId, amount: 0.01, reason: 'a cent' });
    await confirmConversion(sale.deps, contextAt(), { conversionId });
    const rows = await sale.db.query('SELECT status, refunded_amount FROM conversion_events ORDER BY id');
    t.same(rows, [
      { status: 'partial_refund', refundedAmount: '0.01' },
      { status: 'partial_refund', refundedAmount: '0.00' },
    ]);
    t.same(
      await sale.db.query('SELECT count(*)::int AS earnings FROM commissions WHERE refunded_at = created_at'),
      [{ earnings: 2 }],
      'both are earnings with a refund, which came before them',
    );
  },
);

t.test('of commands that share a statement the one with a used key fails alone', async (t) => {
  const sale = await setUp(t);
  const sales = [];
  for (let count = 0; count < 6; count += 1) sales.push(await recordSale(sale));
  const adjust = ({ commissionId }: { commissionId: string }, key: string) =>
    changeCommission(
      sale.deps,
      {
        ...contextAt(),
        requestId: key,
        idempotency: { principal: 'ada', method: 'POST', path: '/adjust', key, bodyHash: 'x', status: 200 },
      },
      { commissionId, command: { action: 'adjust', newAmount: 3, reason: key } },
    ).then(
      ({ outcome }) => outcome,
      () => 'failed',
    );
  const outcomes = await Promise.all(
    sales.map((one, index) => adjust(one, index > 3 ? 'same' : `key-${index}`)),
  );
  t.same(outcomes.toSorted(), ['done', 'done', 'done', 'done', 'done', 'failed']);
  const rows = await sale.db.query<{ key: string; reason: string; requestId: string; answer: number }>(
    `SELECT k.key, a.reason, a.request_id, (k.answer #>> '{data,commissionAmount}')::float8 AS answer
     FROM idempotency_keys k JOIN audit_logs a ON a.entity_id = k.answer #>> '{data,id}' AND a.action = 'adjusted' ORDER BY 1`,
  );
  t.same(
    rows,
    ['key-0', 'key-1', 'key-2', 'key-3', 'same'].map((key) => ({
      key,
      reason: key,
      requestId: key,
      answer: 3,
    })),
    'each in its own context',
  );
});
