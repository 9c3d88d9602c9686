import { newId, type PostedOrder } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import type { ImportedLine } from '@tributary/schema/tables';
import {
  createTestDatabase,
  insertClick,
  insertPartner,
  insertPolicy,
  insertProduct,
  insertRow,
} from '@tributary/testkit';
import t from 'tap';
import { ada, queueJob, readResults, startRunner, untilEnded } from './harness.ts';

async function openShop(t: Parameters<typeof createTestDatabase>[0]) {
  const { db } = await createTestDatabase(t);
  const partner = await insertPartner(db);
  const product = await insertProduct(db, { sku: 'LAMP' });
  await insertPolicy(db);
  const order = (orderId: string, fields: Partial<PostedOrder> = {}): PostedOrder => ({
    orderId,
    currency: 'USD',
    placedAt: new Date().toISOString(),
    referralCode: partner.referralCode,
    confirmed: true,
    metadata: {},
    lines: [{ productId: product.id, amount: 100, commissionableAmount: 100, quantity: 1, path: '' }],
    ...fields,
  });
  return { db, partner, product, order };
}

/** What tracking-service stores of an upload, and the job that it queues. */
async function upload(
  db: Database,
  chunks: readonly (readonly ImportedLine[])[],
  values = {},
): Promise<string> {
  const importId = newId();
  for (const [chunk, lines] of chunks.entries()) {
    await insertRow(db, 'conversionImportChunks', { importId, chunk, lines: [...lines] });
  }
  const total = chunks.flat().length;
  return queueJob(db, 'import-conversions', { id: importId, total, ...values });
}

const asLines = (orders: readonly PostedOrder[], first = 1): ImportedLine[] =>
  orders.map((order, index) => ({ line: first + index, order: { ...order } }));

const countOf = async (db: Database, table: string): Promise<number> =>
  (await db.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0]?.n ?? -1;

t.test('lines become orders, conversions and commissions in the name of the caller', async (t) => {
  const { db, partner, product, order } = await openShop(t);
  const click = await insertClick(db, { partnerId: partner.id, visitorHash: 'visitor of the upload' });
  const bySku = [{ sku: 'LAMP', amount: 30, commissionableAmount: 20, quantity: 2, path: '' }];
  const orders = [
    order('A-1'),
    order('A-2', { referralCode: undefined, sessionHash: 'visitor of the upload' }),
    order('A-3', { lines: bySku, confirmed: false }),
  ];
  const runner = startRunner(t, db);
  const id = await upload(db, [asLines(orders)]);
  t.match(await untilEnded(db, id), {
    status: 'succeeded',
    succeeded: 3,
    failed: 0,
    stats: { recorded: 3, repeated: 0 },
  });
  const conversions = await db.query(
    `SELECT order_id, partner_id, product_id, click_id, status, attributed_amount FROM conversion_events ORDER BY order_id`,
  );
  const common = { partnerId: partner.id, productId: product.id };
  t.match(conversions, [
    { ...common, orderId: 'A-1', clickId: null, status: 'confirmed', attributedAmount: '100.00' },
    { ...common, orderId: 'A-2', clickId: click.id, status: 'confirmed' },
    { ...common, orderId: 'A-3', status: 'pending', attributedAmount: '20.00' },
  ]);
  const audit = await db.query<{ actor: string; requestId: string }>(
    `SELECT DISTINCT actor, request_id FROM audit_logs WHERE entity_type IN ('conversion', 'commission')`,
  );
  t.same(Array.from(audit), [{ actor: ada.name, requestId: ada.requestId }]);
  t.equal(await countOf(db, 'commissions'), 2);
  t.match(await runner.metrics.expose(), /commissions_created_total{.*} 2/);
  t.equal(await countOf(db, 'conversion_import_chunks'), 0, 'what was uploaded is forgotten');
});

t.test('a job that is cancelled tells of every line that it has recorded', async (t) => {
  const { db, order } = await openShop(t);
  const chunks = [0, 1, 2].map((chunk) =>
    asLines(
      Array.from({ length: 20 }, (_, n) => order(`C-${chunk}-${n}`)),
      1 + 20 * chunk,
    ),
  );
  // Somebody cancels it while the first chunk is reported, beside which the second is recorded.
  const interrupted: Database = {
    ...db,
    async query<Row extends object>(...[text, params]: Parameters<Database['query']>) {
      if (text.includes('INTO job_results')) await db.query('UPDATE jobs SET cancel_requested = true');
      return db.query<Row>(text, params);
    },
  };
  startRunner(t, interrupted);
  const id = await upload(db, chunks);
  t.match(await untilEnded(db, id), { status: 'cancelled', succeeded: 40, failed: 0 });
  t.equal(await countOf(db, 'orders'), 40);
  t.equal((await readResults(db, id)).length, 40);
});

t.test('each line has its result, and a bad one stops no other', async (t) => {
  const { db, order } = await openShop(t);
  const contradiction = [
    { ...order('B-1').lines[0], amount: 7, commissionableAmount: 7 },
  ] as PostedOrder['lines'];
  const unknown = [{ sku: 'NOWHERE', amount: 1, commissionableAmount: 1, quantity: 1, path: 'lines.0.' }];
  const lines: ImportedLine[] = [
    ...asLines([order('B-1'), order('B-1'), order('B-1', { lines: contradiction })]),
    { line: 4, fault: 'currency is required' },
    ...asLines([order('B-5', { lines: unknown }), order('B-6', { referralCode: 'NOBODY' }), order('B-7')], 5),
  ];
  startRunner(t, db);
  const id = await upload(db, [lines]);
  t.match(await untilEnded(db, id), {
    status: 'succeeded',
    succeeded: 3,
    failed: 4,
    stats: { recorded: 2, repeated: 1 },
  });
  t.match(await readResults(db, id), [
    { itemId: '1', success: true },
    { itemId: '2', success: true },
    { itemId: '3', success: false, code: 'CONVERSION_CONTRADICTED' },
    { itemId: '4', success: false, code: 'VALIDATION_ERROR', detail: 'currency is required' },
    {
      itemId: '5',
      success: false,
      code: 'VALIDATION_ERROR',
      detail: 'lines.0.sku is not a product of this programme',
    },
    { itemId: '6', success: false, detail: /^referralCode is not a referral code/ },
    { itemId: '7', success: true },
  ]);
});

t.test('whoever takes over goes on behind the last chunk, and what was begun is done once', async (t) => {
  const { db, order } = await openShop(t);
  const orders = Array.from({ length: 90 }, (_, index) => order(`D-${index}`));
  const chunks = [orders.slice(0, 30), orders.slice(30, 60), orders.slice(60)].map((part, index) =>
    asLines(part, index * 30 + 1),
  );
  startRunner(t, db);
  // The first chunk was reported by another process; part of the second was done without a word.
  await untilEnded(db, await upload(db, [asLines(orders.slice(30, 40))]));
  const id = await upload(db, chunks, {
    checkpoint: { chunk: 0 },
    succeeded: 30,
    stats: { recorded: 30, repeated: 0 },
  });
  t.match(await untilEnded(db, id), {
    status: 'succeeded',
    succeeded: 90,
    stats: { recorded: 80, repeated: 10 },
  });
  t.equal(await countOf(db, 'orders'), 60);
  t.equal(await countOf(db, 'conversion_import_chunks'), 0);
});

t.test('many lines of one order and of one customer at once make one order and one customer', async (t) => {
  const { db, order } = await openShop(t);
  const products = await Promise.all(Array.from({ length: 12 }, () => insertProduct(db)));
  const line = { amount: 10, commissionableAmount: 10, quantity: 1, path: '' };
  const oneOrder = products.map((product) => order('E-1', { lines: [{ ...line, productId: product.id }] }));
  const oneCustomer = Array.from({ length: 40 }, (_, n) => order(`F-${n}`, { customerRefHash: 'the same' }));
  startRunner(t, db);
  const id = await upload(db, [asLines([...oneOrder, ...oneCustomer])]);
  t.match(await untilEnded(db, id), { status: 'succeeded', succeeded: 52, failed: 0 });
  t.equal(await countOf(db, 'orders'), 41);
  t.equal(await countOf(db, 'order_lines'), 52);
  t.equal(await countOf(db, 'customers'), 1);
  t.equal(await countOf(db, "conversion_events WHERE is_new_customer AND order_id LIKE 'F%'"), 1);
});

t.test(
  'a file of one customer goes in statements of many lines, and its first line alone is of a new one',
  async (t) => {
    const { db, order } = await openShop(t);
    const orders = Array.from({ length: 600 }, (_, n) =>
      order(`K-${n}`, {
        customerRefHash: 'the same',
        ...(n % 3 === 0 ? { referralCode: undefined } : {}),
        ...(n === 0
          ? { lines: [{ sku: 'unknown', amount: 1, commissionableAmount: 1, quantity: 1, path: '' }] }
          : {}),
      }),
    );
    startRunner(t, db);
    const id = await upload(db, [asLines(orders)]);
    t.match(await untilEnded(db, id), { status: 'succeeded', succeeded: 599, failed: 1 });
    const fresh = await db.query('SELECT external_id FROM orders WHERE is_new_customer');
    t.same(Array.from(fresh), [{ externalId: 'K-1' }]);
    const statements = '(SELECT DISTINCT xmin::text FROM orders) written';
    t.equal(await countOf(db, statements), 3);
  },
);

t.test('one file imported twice at once by two schedulers is recorded once, line by line', async (t) => {
  const { db, order } = await openShop(t);
  const orders = Array.from({ length: 300 }, (_, n) =>
    order(`G-${n}`, { customerRefHash: `customer ${n % 200}` }),
  );
  startRunner(t, db);
  startRunner(t, db);
  const chunks = [asLines(orders.slice(0, 150)), asLines(orders.slice(150), 151)];
  const ids = await Promise.all([upload(db, chunks), upload(db, chunks)]);
  const jobs = await Promise.all(ids.map((id) => untilEnded(db, id)));
  t.match(jobs, [
    { status: 'succeeded', succeeded: 300, failed: 0 },
    { status: 'succeeded', succeeded: 300, failed: 0 },
  ]);
  const recorded = jobs.reduce((sum, job) => sum + Number(job.stats['recorded']), 0);
  t.equal(recorded, 300);
  t.equal(await countOf(db, 'orders'), 300);
  t.equal(await countOf(db, 'customers'), 200);
  t.equal(await countOf(db, 'conversion_events WHERE is_new_customer'), 200);
  t.equal(await countOf(db, 'commissions'), 300);
  t.equal(await countOf(db, 'commission_entries'), 300);
});

t.test('of hundreds of lines in one statement the one that the database refuses fails alone', async (t) => {
  const { db, order } = await openShop(t);
  const nothing = [{ ...order('H').lines[0], quantity: 0 }] as PostedOrder['lines'];
  const orders = Array.from({ length: 200 }, (_, n) => order(`H-${n}`, n === 77 ? { lines: nothing } : {}));
  startRunner(t, db);
  const id = await upload(db, [asLines(orders)]);
  t.match(await untilEnded(db, id), { status: 'succeeded', succeeded: 199, failed: 1 });
  t.match(
    (await readResults(db, id)).filter(({ success }) => !success),
    [{ itemId: '78', code: 'RULE_VIOLATED', detail: /order_lines_quantity_check/ }],
  );
});
