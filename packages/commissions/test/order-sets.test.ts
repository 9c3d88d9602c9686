import {
  findCode,
  findProductById,
  findProductBySku,
  postOrder,
  postOrders,
  readPolicies,
  systemContext,
  type PostedOrder,
  type PostOrderDeps,
} from '@tributary/commissions';
import type { StoredEvent } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import {
  createTestDatabase,
  insertClick,
  insertPartner,
  insertPolicy,
  insertProduct,
  type TestScope,
} from '@tributary/testkit';
import * as fc from 'fast-check';
import t from 'tap';

const id = (kind: number, n: number): string =>
  `${kind}0000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

const PARTNERS = 4;
const PRODUCTS = 5;
const CUSTOMERS = 30;
const VISITORS = 12;
const AT = Date.UTC(2026, 2, 10);
const HOUR_MS = 3_600_000;

/** A programme whose ids are the same in every database. */
async function openProgramme(scope: TestScope, limits = { maxUsageTotal: 9, maxUsagePerPartner: 4 }) {
  const { db } = await createTestDatabase(scope);
  for (let n = 1; n <= PARTNERS; n += 1) {
    const status = n === PARTNERS ? 'suspended' : 'active';
    await insertPartner(db, { id: id(1, n), referralCode: `CODE${n}`, tier: 'gold', status });
  }
  for (let n = 1; n <= PRODUCTS; n += 1) {
    await insertProduct(db, { id: id(2, n), sku: `SKU-${n}`, category: n % 2 === 0 ? 'even' : 'odd' });
  }
  const createdAt = new Date('2025-01-01T00:00:00Z');
  await insertPolicy(db, { id: id(3, 1), code: 'base', createdAt });
  const limited = { rate: '50', category: 'odd', ...limits };
  await insertPolicy(db, { id: id(3, 2), code: 'limited', priority: 5, createdAt, terms: limited });
  const newcomers = { rate: '3', requiresNewCustomer: true, stackable: true };
  await insertPolicy(db, { id: id(3, 3), code: 'newcomers', createdAt, terms: newcomers });
  for (let n = 0; n < VISITORS * 2; n += 1) {
    await insertClick(db, {
      id: id(4, n),
      partnerId: id(1, 1 + (n % 3)),
      referralCode: `CODE${1 + (n % 3)}`,
      visitorHash: `visitor ${n % VISITORS}`,
      clickedAt: new Date(AT - n * 30 * HOUR_MS),
    });
  }
  const published: StoredEvent[] = [];
  const deps: PostOrderDeps = {
    db,
    publish: (events) => void published.push(...events),
    catalog: {
      findCode: (programId, code) => findCode(db, programId, code),
      findProductById: (programId, productId) => findProductById(db, programId, productId),
      findProductBySku: (programId, sku) => findProductBySku(db, programId, sku),
      policies: { current: (programId) => readPolicies(db, programId), forget: () => undefined },
    },
    settings: { current: async () => ({ attributionModel: 'linear', attributionWindowDays: 30 }) },
  };
  return { db, deps, published };
}

const upTo = (max: number) => fc.integer({ min: 1, max });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const orderLine = fc
  .record({ product: upTo(PRODUCTS + 1), bySku: fc.boolean(), cents: upTo(20_000), quantity: upTo(3) })
  .map(({ product, bySku, cents, quantity }) => ({
    ...(bySku ? { sku: `SKU-${product}` } : { productId: id(2, product) }),
    amount: cents / 100,
    commissionableAmount: Math.floor(cents / 2) / 100,
    quantity,
    path: '',
    key: product,
  }));

/** Repetitions, contradictions, unknown products, codes and clicks, coupons, clicks of several partners, further lines. */
const postedOrder = fc
  .record({
    number: upTo(70),
    currency: fc.constantFrom('USD', 'USD', 'USD', 'USD', 'USD', 'EUR'),
    hours: upTo(40),
    clickId: maybe(fc.integer({ min: 0, max: VISITORS * 2 }).map((n) => id(4, n))),
    sessionHash: maybe(upTo(VISITORS).map((n) => `visitor ${n}`)),
    referralCode: maybe(upTo(PARTNERS + 1).map((n) => `code${n}`)),
    customerRefHash: maybe(upTo(CUSTOMERS).map((n) => `customer ${n}`)),
    isNewCustomer: maybe(fc.boolean()),
    confirmed: fc.boolean(),
    lines: fc.uniqueArray(orderLine, { minLength: 1, maxLength: 3, selector: ({ key }) => key }),
  })
  .map(({ number, hours, lines, ...order }): PostedOrder => ({
    ...order,
    orderId: `order ${number}`,
    placedAt: new Date(AT + hours * HOUR_MS).toISOString(),
    metadata: { number },
    lines: lines.map(({ key: _key, ...line }) => line),
  }));

/** Sets in which no order comes twice, and no customer unless they `shareCustomers`, in the order in which they came. */
function inSets(orders: readonly PostedOrder[], shareCustomers = false): PostedOrder[][] {
  const sets: { orders: PostedOrder[]; keys: Set<string> }[] = [];
  for (const order of orders) {
    const { orderId } = order;
    const customerRefHash = shareCustomers ? orderId : (order.customerRefHash ?? orderId);
    const last = sets.at(-1);
    const isFree = last !== undefined && !last.keys.has(orderId) && !last.keys.has(customerRefHash);
    const set = isFree ? last : { orders: [], keys: new Set<string>() };
    if (!isFree) sets.push(set);
    set.orders.push(order);
    set.keys.add(orderId).add(customerRefHash);
  }
  return sets.map((one) => one.orders);
}

const context = () => systemContext('test', 'default', new Date(AT + 100 * HOUR_MS));

/** Everything that orders leave behind, by what the shop calls it rather than by ids that were made on the way. */
const LEFT_BEHIND: Record<string, string> = {
  orders: `SELECT o.external_id, o.currency, o.amount, o.is_new_customer, o.attribution, o.placed_at, o.version, k.ref_hash,
      k.first_order_at FROM orders o LEFT JOIN customers k ON k.id = o.customer_id ORDER BY 1`,
  lines: `SELECT o.external_id, l.product_id, l.quantity, l.amount, l.commissionable_amount FROM order_lines l
      JOIN orders o ON o.id = l.order_id ORDER BY 1, 2`,
  conversions: `SELECT idempotency_key, order_id, partner_id, product_id, click_id, referral_code, sub_id, attribution_model,
      attribution_weight, attribution_path, is_primary, order_amount, attributed_amount, quantity, currency, is_new_customer,
      status, no_commission_reason, clicked_at, converted_at, confirmed_at, metadata FROM conversion_events ORDER BY 1`,
  commissions: `SELECT v.idempotency_key, c.kind, c.partner_id, c.policy_id, c.policy_version, c.policy_type, c.status,
      c.commission_amount, c.order_amount, c.basis_amount, c.basis_left, c.commission_rate, c.hold_until, c.metadata, c.created_at
      FROM commissions c JOIN conversion_events v ON v.id = c.conversion_id ORDER BY 1`,
  entries: `SELECT v.idempotency_key, e.version, e.action, e.amount_delta, e.amount_after, e.status_before, e.status_after, e.actor,
      e.at FROM commission_entries e JOIN commissions c ON c.id = e.commission_id
      JOIN conversion_events v ON v.id = c.conversion_id ORDER BY 1, 2`,
  audit: `SELECT v.idempotency_key, a.entity_type, a.action, a.changes, a.actor, a.created_at FROM audit_logs a
      LEFT JOIN commissions c ON c.id::text = a.entity_id
      JOIN conversion_events v ON v.id = coalesce(c.conversion_id, a.entity_id::uuid) ORDER BY 1, 2, 3`,
  events: `SELECT v.idempotency_key, e.type, e.occurred_at, e.data - 'conversionId' - 'commissionId' AS data FROM outbox_events e
      JOIN conversion_events v ON v.id = (e.data ->> 'conversionId')::uuid ORDER BY 1, 2`,
  uses: 'SELECT policy_id, partner_id, used FROM policy_usage ORDER BY 1, 2',
};

async function leftBehind(db: Database): Promise<Record<string, unknown[]>> {
  const found: Record<string, unknown[]> = {};
  for (const [name, text] of Object.entries(LEFT_BEHIND)) found[name] = Array.from(await db.query(text));
  return found;
}

t.test('orders recorded together leave what they leave when recorded one after the other', async (t) => {
  const [orders = []] = fc.sample(fc.array(postedOrder, { minLength: 150, maxLength: 150 }), {
    numRuns: 1,
    ...(process.env['ORDERS_SEED'] === undefined ? {} : { seed: Number(process.env['ORDERS_SEED']) }),
  });
  const together = await openProgramme(t);
  const alone = await openProgramme(t);
  const outcomes: string[] = [];
  for (const set of inSets(orders)) {
    for (const one of await postOrders(together.deps, context(), set)) outcomes.push(one.outcome);
  }
  const expected: string[] = [];
  for (const order of orders) expected.push((await postOrder(alone.deps, context(), order)).outcome);
  t.same(outcomes, expected);
  const [found, wanted] = [await leftBehind(together.db), await leftBehind(alone.db)];
  for (const name of Object.keys(LEFT_BEHIND)) t.same(found[name], wanted[name], name);
  t.ok((wanted['commissions'] ?? []).length > 10, 'there is something to compare');
  t.equal(together.published.length, alone.published.length);
  const stored = await together.db.query<StoredEvent>(
    `SELECT id, type, 1 AS version, occurred_at, program_id, subject, actor, request_id, data, created_at FROM outbox_events`,
  );
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  t.strictSame(
    together.published.toSorted(byId),
    stored
      .map((event) => ({ ...event, occurredAt: new Date(event.occurredAt).toISOString() }))
      .toSorted(byId),
    'what is published is what is stored',
  );
});

t.test('orders of one customer are recorded together as they are one after the other', async (t) => {
  const [orders = []] = fc.sample(fc.array(postedOrder, { minLength: 150, maxLength: 150 }), {
    numRuns: 1,
    ...(process.env['ORDERS_SEED'] === undefined ? {} : { seed: Number(process.env['ORDERS_SEED']) }),
  });
  // Limits go by who comes first, which those left apart do not.
  const enough = { maxUsageTotal: 1_000, maxUsagePerPartner: 1_000 };
  const fewCustomers = orders.map((order, n) => ({ ...order, customerRefHash: `customer ${n % 7}` }));
  const together = await openProgramme(t, enough);
  const alone = await openProgramme(t, enough);
  let recorded = 0;
  for (const set of inSets(fewCustomers, true)) {
    const outcomes = await postOrders(together.deps, context(), set);
    recorded += outcomes.filter(({ outcome }) => outcome === 'recorded').length;
    const apart = set.filter((_, n) => outcomes[n]?.outcome === 'apart');
    for (const order of apart) await postOrder(together.deps, context(), order);
  }
  for (const order of fewCustomers) await postOrder(alone.deps, context(), order);
  const [found, wanted] = [await leftBehind(together.db), await leftBehind(alone.db)];
  for (const name of Object.keys(LEFT_BEHIND)) t.same(found[name], wanted[name], name);
  t.ok(recorded > 7, 'not all of them were left apart');
  t.ok(wanted['orders']?.length, 'there is something to compare');
});

t.test('a customer is new with the first order alone, and what follows one left apart waits', async (t) => {
  const { db, deps } = await openProgramme(t);
  const order = (n: number, more: Partial<PostedOrder> = {}): PostedOrder => ({
    orderId: `order ${n}`,
    currency: 'USD',
    placedAt: new Date(AT - n * HOUR_MS).toISOString(),
    referralCode: 'CODE1',
    customerRefHash: 'the same',
    confirmed: true,
    metadata: {},
    lines: [{ sku: 'SKU-2', amount: 10, commissionableAmount: 10, quantity: n === 40 ? 0 : 1, path: '' }],
    ...more,
  });
  const all = Array.from({ length: 50 }, (_, n) => order(n));
  const outcomes = await postOrders(deps, context(), all);
  t.same(
    outcomes.map(({ outcome }) => outcome),
    all.map((_, n) => (n < 40 ? 'recorded' : 'apart')),
  );
  const fresh = await db.query('SELECT external_id FROM orders WHERE is_new_customer');
  t.same(Array.from(fresh), [{ externalId: 'order 0' }]);
  const first = await db.query('SELECT first_order_at FROM customers');
  t.same(Array.from(first), [{ firstOrderAt: new Date(AT - 39 * HOUR_MS) }]);

  const led = [
    order(60, {
      referralCode: undefined,
      sessionHash: 'visitor 1',
      placedAt: new Date(AT + 1).toISOString(),
    }),
    order(61, { referralCode: undefined, placedAt: new Date(AT + 2).toISOString() }),
    order(62),
  ];
  const clicked = await postOrders(deps, context(), led);
  t.same(
    clicked.map(({ outcome }) => outcome),
    ['recorded', 'apart', 'apart'],
    'clicks that led to the one before would have led to it as well',
  );
  t.same((await postOrders(deps, context(), led.slice(1)))[0], { outcome: 'recorded' });
  const [path] = await db.query<{ n: number }>(
    `SELECT jsonb_array_length(attribution -> 'path') AS n FROM orders WHERE external_id = 'order 61'`,
  );
  t.ok((path?.n ?? 0) > 0, 'found by the earlier order');
});

t.test(
  'an order that the database refuses is left apart, and keeps no other from being recorded',
  async (t) => {
    const { db, deps } = await openProgramme(t);
    const order = (n: number, quantity = 1): PostedOrder => ({
      orderId: `order ${n}`,
      currency: 'USD',
      placedAt: new Date(AT).toISOString(),
      referralCode: 'CODE1',
      confirmed: true,
      metadata: {},
      lines: [{ sku: 'SKU-2', amount: 10, commissionableAmount: 10, quantity, path: '' }],
    });
    const orders = Array.from({ length: 20 }, (_, n) => order(n, n === 13 ? 0 : 1));
    const outcomes = await postOrders(deps, context(), orders);
    t.same(
      outcomes.map(({ outcome }) => outcome),
      orders.map((_, n) => (n === 13 ? 'apart' : 'recorded')),
    );
    const [count] = await db.query('SELECT count(*)::int AS n FROM commissions');
    t.same(count, { n: 19 });
  },
);

t.test(
  'a limit that others use up meanwhile holds, and only what it concerns is decided again',
  async (t) => {
    const { db, deps } = await openProgramme(t);
    const orders = (prefix: string) =>
      Array.from({ length: 12 }, (_, n): PostedOrder => ({
        orderId: `${prefix} ${n}`,
        currency: 'USD',
        placedAt: new Date(AT).toISOString(),
        referralCode: `CODE${1 + (n % 3)}`,
        confirmed: true,
        metadata: {},
        lines: [{ sku: 'SKU-1', amount: 10, commissionableAmount: 10, quantity: 1, path: '' }],
      }));
    const sets = ['a', 'b', 'c', 'd'].map(orders);
    const outcomes = (await Promise.all(sets.map((set) => postOrders(deps, context(), set)))).flat();
    const apart = sets.flat().filter((_, n) => outcomes[n]?.outcome === 'apart');
    for (const order of apart) await postOrder(deps, context(), order);
    const rows = await db.query<{ policyId: string; n: number }>(
      'SELECT policy_id, count(*)::int AS n FROM commissions GROUP BY 1 ORDER BY 1',
    );
    t.same(Array.from(rows), [
      { policyId: id(3, 2), n: 9 },
      { policyId: id(3, 3), n: 48 - 9 },
    ]);
  },
);
