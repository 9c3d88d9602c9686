import {
  attributeClicks,
  attributeCode,
  cancelConversion,
  changeCommission,
  changeCommissions,
  clawBackCommission,
  confirmDueChunk,
  recordConversion,
  refundConversion,
  type CommissionCommand,
} from '@tributary/commissions';
import { insertPartner, insertPolicy } from '@tributary/testkit';
import t from 'tap';

import { contextAt, historyOf, recordSale, setUp } from './command-setup.ts';

const times = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

t.test(
  'fifty people act on one commission at once: one ending, and every record tells the same',
  async (t) => {
    const sale = await setUp(t);
    const { commissionId, conversionId } = await recordSale(sale);
    await changeCommission(sale.deps, contextAt(), {
      commissionId,
      command: { action: 'confirm', reason: 'checked' },
    });
    const commands: CommissionCommand[] = [
      { action: 'pay', paymentMethod: 'bank', paymentReference: 'TX' },
      { action: 'cancel', reason: 'fraud' },
      { action: 'adjust', newAmount: 7, reason: 'negotiated' },
      { action: 'adjust', newAmount: 8, reason: 'negotiated' },
    ];
    const outcomes = await Promise.all(
      times(50).map((index) => {
        const command = commands[index % 5];
        return command === undefined
          ? refundConversion(sale.deps, contextAt(), { conversionId, amount: 1, reason: 'a scratch' })
          : changeCommission(sale.deps, contextAt(), { commissionId, command });
      }),
    );
    const done = outcomes.filter((answer) => answer.outcome === 'done' && 'commission' in answer).length;
    const history = await historyOf(sale.db, commissionId);
    // A refund after the cancellation is one of the conversion alone.
    const refunded = history.entries.filter((action) => action === 'refunded').length;
    t.equal(
      history.entries.length,
      done + refunded + 2,
      'one entry for each action that was answered as done',
    );
    const [line] = await sale.db.query<{ refunded: string }>(
      'SELECT refunded_amount AS refunded FROM order_lines',
    );
    const refunds = outcomes.filter((answer) => answer.outcome === 'done' && 'result' in answer).length;
    t.equal(line?.refunded, `${refunds}.00`);
    t.same(history.entries, history.audit);
    t.same(history.entries, history.events);
    t.same(
      history.versions,
      times(history.versions.length).map((index) => index + 1),
    );
    t.same(
      history.entries.map((action) => action === 'paid' || action === 'cancelled'),
      history.entries.map((_, index) => index === history.entries.length - 1),
      'one ending, and nothing after it',
    );
  },
);

t.test('claw-backs at once never take more than was paid', async (t) => {
  const sale = await setUp(t);
  const { commissionId } = await recordSale(sale, { amount: '1000.00' });
  const context = contextAt();
  await changeCommission(sale.deps, context, {
    commissionId,
    command: { action: 'confirm', reason: 'checked' },
  });
  const pay = { action: 'pay', paymentMethod: 'bank', paymentReference: 'TX' } as const;
  await changeCommission(sale.deps, context, { commissionId, command: pay });
  const outcomes = await Promise.all(
    times(20).map(() =>
      clawBackCommission(sale.deps, context, { commissionId, amount: 30, reason: 'returned' }),
    ),
  );
  t.equal(outcomes.filter(({ outcome }) => outcome === 'done').length, 3);
  const [sum] = await sale.db.query<{ taken: string; recorded: string }>(
    `SELECT (SELECT -sum(commission_amount) FROM commissions WHERE original_commission_id = $1) AS taken,
      (SELECT clawed_back_amount FROM commissions WHERE id = $1) AS recorded`,
    [commissionId],
  );
  t.same(sum, { taken: '90.00', recorded: '90.00' });
});

t.test(
  'refunds at once never refund more than the line, and the commission ends where one refund would have',
  async (t) => {
    const sale = await setUp(t);
    const { commissionId, conversionId } = await recordSale(sale, { amount: '100.00' });
    const outcomes = await Promise.all(
      times(12).map((index) =>
        refundConversion(sale.deps, contextAt(), {
          conversionId,
          amount: 33.33,
          reason: 'returned',
          shopRefundId: `R-${index}`,
        }),
      ),
    );
    const done = outcomes.filter(({ outcome }) => outcome === 'done').length;
    t.ok(done >= 1 && done <= 3);
    const [row] = await sale.db.query<{ refunded: string; amount: string; refunds: number }>(
      `SELECT l.refunded_amount AS refunded, c.commission_amount AS amount, (SELECT count(*)::int FROM refunds) AS refunds
     FROM commissions c JOIN conversion_events v ON v.id = c.conversion_id JOIN order_lines l ON l.id = v.order_line_id
     WHERE c.id = $1`,
      [commissionId],
    );
    t.equal(row?.refunds, done);
    t.equal(row?.refunded, (33.33 * done).toFixed(2));
    t.equal(row?.amount, ((100 - 33.33 * done) / 10).toFixed(2));
  },
);

t.test('one order posted twenty times at once is recorded once', async (t) => {
  const sale = await setUp(t);
  const post = () => recordSale(sale, { orderId: 'SO-same' });
  const answers = await Promise.all(times(20).map(post));
  t.equal(new Set(answers.map(({ commissionId }) => commissionId)).size, 1);
  const [counts] = await sale.db.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM orders) AS orders, (SELECT count(*)::int FROM conversion_events) AS conversions,
      (SELECT count(*)::int FROM commissions) AS commissions, (SELECT count(*)::int FROM outbox_events) AS events`,
  );
  t.same(counts, { orders: 1, conversions: 1, commissions: 1, events: 3 });
});

t.test(
  'the usage limit of a policy holds when many orders come at once, and the next policy takes over',
  async (t) => {
    const sale = await setUp(t);
    const limited = await insertPolicy(sale.db, { priority: 10, terms: { rate: '50', maxUsageTotal: 5 } });
    await Promise.all(times(30).map(() => recordSale(sale).catch(() => undefined)));
    await Promise.all(times(10).map(() => recordSale(sale)));
    const [row] = await sale.db.query<{ limited: number; used: number }>(
      `SELECT (SELECT count(*)::int FROM commissions WHERE policy_id = $1) AS limited,
      (SELECT used FROM policy_usage WHERE policy_id = $1 AND partner_id IS NULL) AS used`,
      [limited.id],
    );
    t.same(row, { limited: 5, used: 5 });
  },
);

t.test('a customer who orders twice at once is new only once', async (t) => {
  const sale = await setUp(t);
  const { deps, partner, product } = sale;
  await Promise.all(
    times(8).map((index) =>
      recordConversion(deps, contextAt(), {
        orderId: `N-${index}`,
        currency: 'USD',
        placedAt: new Date(),
        customerRefHash: 'one-customer',
        confirmed: true,
        lines: [{ productId: product.id, quantity: 1, amount: '10.00', commissionableAmount: '10.00' }],
        metadata: {},
        attribute: async () =>
          attributeCode('last_touch', { partnerId: partner.id, referralCode: partner.referralCode }),
      }),
    ),
  );
  const rows = await sale.db.query<{ isNew: boolean; orders: number }>(
    'SELECT is_new_customer AS is_new, count(*)::int AS orders FROM orders GROUP BY 1 ORDER BY 1',
  );
  t.same(rows, [
    { isNew: false, orders: 7 },
    { isNew: true, orders: 1 },
  ]);
});

t.test(
  'groups of commands over the same commissions in opposite orders do not deadlock, and lose nothing',
  async (t) => {
    const sale = await setUp(t);
    const ids: string[] = [];
    for (const _ of times(10)) ids.push((await recordSale(sale)).commissionId);
    const group = (round: number) =>
      changeCommissions(
        sale.deps,
        contextAt(),
        (round % 2 === 0 ? ids : ids.toReversed()).map((commissionId) => ({
          commissionId,
          command: { action: 'adjust' as const, newAmount: 20 + round, reason: `round ${round}` },
        })),
      );
    const rounds = await Promise.all(times(12).map(group));
    for (const [index, commissionId] of ids.entries()) {
      const done = rounds
        .flat()
        .filter((o) => o.commissionId === commissionId && o.outcome === 'done').length;
      const history = await historyOf(sale.db, commissionId);
      t.equal(history.entries.length, done + 1, `commission ${index}`);
      t.same(history.entries, history.audit);
      t.same(history.entries, history.events);
    }
  },
);

t.test(
  'two batch confirmations at once confirm each due commission once, and none that is held or not due',
  async (t) => {
    const sale = await setUp(t);
    const past = new Date(Date.now() - 30 * 86_400_000);
    const due: string[] = [];
    for (const _ of times(20)) due.push((await recordSale(sale, { now: past })).commissionId);
    const held = await recordSale(sale, { now: past });
    await changeCommission(sale.deps, contextAt(past), {
      commissionId: held.commissionId,
      command: { action: 'hold', reason: 'odd' },
    });
    const fresh = await recordSale(sale);
    const run = async () => {
      let confirmed = 0;
      for (;;) {
        const chunk = await confirmDueChunk(sale.deps, contextAt(), 3);
        if (chunk.confirmed === 0) return confirmed;
        confirmed += chunk.confirmed;
      }
    };
    const [first, second] = await Promise.all([run(), run()]);
    t.equal(first + second, 20);
    for (const id of due) t.same((await historyOf(sale.db, id)).entries, ['created', 'confirmed']);
    t.same((await historyOf(sale.db, held.commissionId)).entries, ['created', 'held']);
    t.same((await historyOf(sale.db, fresh.commissionId)).entries, ['created']);
  },
);

t.test('connections killed during a burst of commands leave no half change and no broken pool', async (t) => {
  const sale = await setUp(t);
  const ids: string[] = [];
  for (const _ of times(30)) ids.push((await recordSale(sale)).commissionId);
  // Opens the connection that kills, so that it does not come too late.
  await sale.owner.query('SELECT 1');
  const adjustments = ids.flatMap((commissionId) =>
    times(4).map((round) =>
      changeCommission(sale.deps, contextAt(), {
        commissionId,
        command: { action: 'adjust', newAmount: 50 + round, reason: `round ${round}` },
      }).then(
        ({ outcome }) => outcome,
        () => 'failed' as const,
      ),
    ),
  );
  for (const _ of times(15)) {
    await sale.owner.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND usename = 'tributary_service'`,
    );
  }
  const outcomes = await Promise.all(adjustments);
  t.ok(outcomes.includes('failed'), 'some commands lost their connection');
  for (const commissionId of ids) {
    const history = await historyOf(sale.owner, commissionId);
    t.same(history.entries, history.audit);
    t.same(history.entries, history.events);
    const [row] = await sale.owner.query<{ version: number }>(
      'SELECT version FROM commissions WHERE id = $1',
      [commissionId],
    );
    t.equal(row?.version, history.entries.length);
  }
  const after = await recordSale(sale);
  t.same((await historyOf(sale.db, after.commissionId)).entries, ['created'], 'the pool works on');
});

t.test(
  'refunds, claw-backs, groups and cancellations of the same lines at once leave the books in order',
  async (t) => {
    const sale = await setUp(t);
    const second = await insertPartner(sale.db);
    const click = (partnerId: string, minute: number) => ({
      clickId: sale.partner.id,
      partnerId,
      clickedAt: new Date(minute * 60_000),
      referralCode: 'CODE',
      subId: null,
    });
    const commissionIds: string[] = [];
    const conversionIds: string[] = [];
    for (const index of times(6)) {
      const recorded = await recordConversion(sale.deps, contextAt(), {
        orderId: `shared-${index}`,
        currency: 'USD',
        placedAt: new Date(),
        customerRefHash: null,
        confirmed: true,
        lines: [
          { productId: sale.product.id, quantity: 1, amount: '100.00', commissionableAmount: '100.00' },
        ],
        metadata: {},
        attribute: async () => attributeClicks('linear', [click(sale.partner.id, 1), click(second.id, 2)]),
      });
      if (recorded.outcome !== 'recorded') throw new Error(recorded.outcome);
      const ids = (json: string): string[] => JSON.parse(json).map(({ id }: { id: string }) => id);
      commissionIds.push(...ids(recorded.commissions));
      conversionIds.push(...ids(recorded.conversions));
    }
    const group = (action: 'confirm' | 'adjust', newAmount = 0) =>
      changeCommissions(
        sale.deps,
        contextAt(),
        commissionIds.map((commissionId) => ({
          commissionId,
          command: { action, newAmount, reason: 'all' },
        })),
      );
    await group('confirm');
    await Promise.all([
      ...times(8).map((round) => group('adjust', 6 + round)),
      ...commissionIds.map((commissionId, index) =>
        index % 2 === 0
          ? changeCommission(sale.deps, contextAt(), {
              commissionId,
              command: { action: 'pay', paymentMethod: 'bank', paymentReference: 'TX' },
            })
          : undefined,
      ),
      ...times(48).map((index) =>
        refundConversion(sale.deps, contextAt(), {
          conversionId: conversionIds[index % conversionIds.length] ?? '',
          amount: 7,
          reason: 'returned',
          shopRefundId: `R-${index}`,
        }),
      ),
      ...commissionIds.map((commissionId) =>
        clawBackCommission(sale.deps, contextAt(), { commissionId, amount: 1, reason: 'agreed' }),
      ),
      ...conversionIds.map((conversionId) =>
        cancelConversion(sale.deps, contextAt(), { conversionId, reason: 'mistake' }),
      ),
    ]);
    for (const commissionId of commissionIds) {
      const history = await historyOf(sale.db, commissionId);
      t.same(history.entries, history.audit);
      t.same(history.entries, history.events);
    }
    const wrong = await sale.db.query(
      `SELECT c.id FROM commissions c WHERE c.kind = 'earning' AND (c.clawed_back_amount <> -coalesce((SELECT
        sum(b.commission_amount) FROM commissions b WHERE b.original_commission_id = c.id), 0)
      OR c.commission_amount <> (SELECT sum(amount_delta) FROM commission_entries e WHERE e.commission_id = c.id))
     UNION ALL SELECT l.id FROM order_lines l WHERE l.refunded_amount <> (SELECT sum(refunded_amount) FROM conversion_events v
       WHERE v.order_line_id = l.id) OR l.refunded_amount <> coalesce((SELECT sum(amount) FROM refunds r
       WHERE r.order_line_id = l.id), 0)`,
    );
    t.same(wrong, []);
  },
);
