import {
  attributeCode,
  confirmConversion,
  readPolicies,
  recordConversion,
  refundConversion,
} from '@tributary/commissions';
import { insertCommission, insertPartner, insertPolicy, insertProduct, waitFor } from '@tributary/testkit';
import t from 'tap';
import { startOperations } from './harness.ts';

const { db, call } = await startOperations(t);

const [anna, ben] = [await insertPartner(db), await insertPartner(db)];
const policy = await insertPolicy(db);
const DAY_MS = 86_400_000;

const earning = (days: number) => {
  const createdAt = new Date(Date.now() - days * DAY_MS);
  return insertCommission(db, {
    partnerId: days % 2 === 0 ? anna.id : ben.id,
    policyId: policy.id,
    policyVersion: 1,
    createdAt,
    updatedAt: createdAt,
    orderId: `ORDER-${days}`,
  });
};

const earnings = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((days) => earning(days)));
const id = (index: number): string => earnings[index]?.id ?? '';
const conversionOf = (index: number): string => earnings[index]?.conversionId ?? '';

const act = async (index: number, action: string, body: object) => {
  const answer = await call('POST', `/operations/commissions/${id(index)}/${action}`, { body });
  t.ok(answer.status < 300, `${action}: ${answer.text}`);
};
const refund = async (index: number, refundAmount: number) => {
  const body = { conversionId: conversionOf(index), refundAmount, reason: 'returned' };
  const answer = await call('POST', '/operations/refunds', { body });
  t.equal(answer.status, 200, answer.text);
};
const byShop = () =>
  ({
    programId: 'default',
    actor: { kind: 'shop', id: null, name: 'shop' },
    requestId: null,
    ipAddress: null,
    userAgent: null,
    now: new Date(),
  }) as const;
const deps = {
  db,
  publish: () => undefined,
  policies: { current: (programId: string) => readPolicies(db, programId), forget: () => undefined },
};
const takeBack = async (conversionId: string, amount: number) => {
  const input = { conversionId, amount, reason: 'returned', shopRefundId: `R-${conversionId}-${amount}` };
  const { outcome } = await refundConversion(deps, byShop(), input);
  t.equal(outcome, 'done');
};
/** What the shop has given back is recorded whatever the commission's status. */
const shopRefund = (index: number, amount: number) => takeBack(conversionOf(index), amount);

const product = await insertProduct(db);
const ofBen = { partnerId: ben.id, referralCode: ben.referralCode };
/** Its conversion waits for the shop's word. */
const recorded = await recordConversion(deps, byShop(), {
  orderId: 'WAITING-1',
  currency: 'USD',
  placedAt: new Date(),
  customerRefHash: null,
  confirmed: false,
  lines: [{ productId: product.id, quantity: 1, amount: '80.00', commissionableAmount: '80.00' }],
  metadata: {},
  attribute: async () => attributeCode('last_touch', ofBen),
});
const [waiting] =
  recorded.outcome === 'recorded' ? (JSON.parse(recorded.conversions) as { id: string }[]) : [];
const confirmWaiting = async () => {
  const { outcome } = await confirmConversion(deps, byShop(), { conversionId: waiting?.id ?? '' });
  t.equal(outcome, 'done');
};
const payment = { paymentMethod: 'wire', paymentReference: 'REF-1' };
const reason = { reason: 'because' };

/** Every action at least once, several of them on one commission. */
const STEPS: readonly (() => Promise<unknown>)[] = [
  () => act(0, 'adjust', { newAmount: 12.34, ...reason }),
  () => act(0, 'hold', reason),
  () => act(1, 'confirm', reason),
  () => act(0, 'release', reason),
  () => act(0, 'adjust', { newAmount: 3, ...reason }),
  () => act(2, 'cancel', reason),
  () => act(1, 'pay', payment),
  () => refund(3, 25),
  () =>
    call('POST', '/operations/commissions', {
      body: { partnerId: anna.id, amount: 7, currency: 'USD', ...reason },
    }),
  () => act(1, 'clawback', { amount: 4, ...reason }),
  () => refund(3, 25.5),
  () => act(4, 'adjust', { newAmount: 9, ...reason }),
  () => act(4, 'cancel', reason),
  () => act(1, 'clawback', reason),
  () => refund(5, 100),
  () => act(0, 'confirm', reason),
  () => act(0, 'pay', payment),
  () => act(0, 'clawback', { amount: 1, ...reason }),
  () => shopRefund(0, 20),
  () => act(6, 'confirm', reason),
  () => act(6, 'pay', payment),
  () => shopRefund(6, 100),
  () => shopRefund(7, 10),
  () => act(7, 'confirm', reason),
  () => takeBack(waiting?.id ?? '', 20),
  confirmWaiting,
  () => takeBack(waiting?.id ?? '', 10),
];

const QUERIES = [
  '',
  'sort=createdAt',
  'status=pending',
  'status=confirmed&kind=earning',
  'status=paid',
  'status=cancelled',
  'kind=clawback',
  'minAmount=4&maxAmount=10',
  `partnerId=${anna.id}`,
  `policyId=${policy.id}&status=pending`,
  'refunded=true',
  'refunded=false',
  'refunded=true&kind=earning&status=paid',
  'search=order-2',
  'dateField=confirmed',
  'sort=-confirmedAt',
  'dateField=paid&sort=paidAt',
].map((query) => `dateFrom=2020-01-01&limit=100&${query}`);

/** What the tables tell: now, or at a moment. */
async function told(asOf = ''): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const query of QUERIES) {
    const { status, body, text } = await call('GET', `/operations/commissions?${query}${asOf && `&${asOf}`}`);
    if (status !== 200) throw new Error(text);
    found[query] = { rows: body.data, total: body.meta.total };
  }
  for (const { id: partnerId } of [anna, ben]) {
    const { body } = await call('GET', `/partners/${partnerId}/balance?${asOf}`);
    found[partnerId] = body.data.currencies;
  }
  const { text } = await call('GET', `/operations/commissions.csv?dateFrom=2020-01-01&${asOf}`);
  return { ...found, csv: text };
}

t.test('what was, read from the entries, is what the tables said at that moment', async (t) => {
  const known: { moment: string; tables: Record<string, unknown> }[] = [];
  for (const step of [async () => undefined, ...STEPS]) {
    await step();
    const moment = Date.now();
    known.push({ moment: new Date(moment).toISOString(), tables: await told() });
    await waitFor(() => Date.now() > moment);
  }
  for (const [index, { moment, tables }] of known.entries())
    t.same(await told(`asOf=${moment}`), tables, `after ${index} steps`);
});

t.test('a page of a past moment goes on by its cursor, which belongs to that moment', async (t) => {
  const asOf = new Date().toISOString();
  const url = `/operations/commissions?dateFrom=2020-01-01&limit=4&asOf=${asOf}`;
  const first = (await call('GET', url)).body;
  const second = (await call('GET', `${url}&cursor=${first.meta.nextCursor}`)).body;
  const all = (await call('GET', '/operations/commissions?dateFrom=2020-01-01&limit=8')).body.data;
  t.same([...first.data, ...second.data], all);
  const other = `/operations/commissions?dateFrom=2020-01-01&limit=4&cursor=${first.meta.nextCursor}`;
  t.match(await call('GET', other), { status: 400, body: { errors: [{ path: 'cursor' }] } });
});

t.test(
  'before anything was, there is nothing; a bare date is a midnight; amounts are no order',
  async (t) => {
    const nothing = await call('GET', '/operations/commissions?dateFrom=2020-01-01&asOf=2021-01-01');
    t.match(nothing, { status: 200, body: { data: [], meta: { total: 0 } } }, nothing.text);
    const [day = ''] = new Date(Date.now() - 4.5 * DAY_MS).toISOString().split('T');
    const bare = await call('GET', `/operations/commissions?asOf=${day}`);
    t.same(bare.body.data, (await call('GET', `/operations/commissions?asOf=${day}T00:00:00Z`)).body.data);
    t.ok(bare.body.data.length > 0 && bare.body.data.length < 8);
    const balance = (asOf: string) => call('GET', `/partners/${anna.id}/balance?asOf=${asOf}`);
    t.same((await balance(day)).body, (await balance(`${day}T00:00:00Z`)).body);
    t.equal((await balance('yesterday')).status, 400);
    for (const sort of ['commissionAmount', '-commissionAmount']) {
      const refused = await call('GET', `/operations/commissions?sort=${sort}&asOf=${day}`);
      t.match(refused, { status: 400, body: { errors: [{ path: 'sort' }] } });
    }
    t.match(await call('GET', '/operations/commissions?asOf=yesterday'), {
      status: 400,
      body: { errors: [{ path: 'asOf' }] },
    });
  },
);

t.test('a commission that was refunded from its beginning is so at any moment since', async (t) => {
  const partner = await insertPartner(db);
  const at = new Date(Date.now() - DAY_MS);
  // Its refund bears a later time, as one may that was written while the conversion was being confirmed.
  const born = await insertCommission(db, { partnerId: partner.id, createdAt: at, refundedAt: at });
  const then = new Date(at.getTime() + 1_000).toISOString();
  const asked = `/operations/commissions?partnerId=${partner.id}&dateFrom=2020-01-01&asOf=${then}`;
  const { data } = (await call('GET', `${asked}&refunded=true`)).body;
  t.match(data, [{ id: born.id, refundedAt: at.toISOString() }]);
  t.same((await call('GET', `${asked}&refunded=false`)).body.data, []);
});
