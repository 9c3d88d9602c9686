import { filterConditions, Parameters } from '@tributary/commissions';
import { createTestDatabase, insertPartner, insertPolicy } from '@tributary/testkit';
import { connect, type Database, type QueryParam } from '@tributary/schema';
import t from 'tap';
import { commissionsAsOf, pastMoment } from '../src/commissions/as-of.ts';
import { filterBody, resolveFilter } from '../src/commissions/filter.ts';
import { type CommissionSort } from '../src/commissions/source.ts';
import { listPage } from '../src/lists/list-page.ts';

const { db, owner, serviceUrl } = await createTestDatabase(t);
const partner = await insertPartner(db);
const policy = await insertPolicy(db);

await db.query(
  `INSERT INTO commissions (id, program_id, kind, partner_id, policy_id, policy_version, status, commission_amount, order_amount,
     basis_amount, basis_left, currency, created_at, confirmed_at, paid_at, payment_method, payment_reference, order_id, referral_code)
   SELECT uuidv7(), 'default', 'bonus', CASE WHEN i % 50 = 0 THEN $1::uuid ELSE $2::uuid END,
     CASE WHEN i % 50 = 0 THEN $3::uuid END, 1, CASE WHEN i % 20 = 0 THEN 'pending' ELSE 'paid' END, 1 + i % 997, 0, 1, 0, 'USD',
     now() - i * interval '100 seconds', now(), now(), 'wire', 'ref', 'order-' || i, 'code-' || i
   FROM generate_series(1, 20000) i`,
  [partner.id, (await insertPartner(db)).id, policy.id],
);
await db.query(
  `INSERT INTO commission_entries (commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after, status_after, actor, at)
   SELECT id, 1, partner_id, kind, currency, 'created', commission_amount, commission_amount, status, 'test', created_at FROM commissions`,
);
await owner.query('ANALYZE commissions, commission_entries');

type Sort = CommissionSort | `-${CommissionSort}`;

function list(
  on: Pick<Database, 'query'>,
  { asOf, ...asked }: { readonly asOf?: string; readonly [field: string]: unknown },
  sort: Sort = '-createdAt',
): Promise<string> {
  const now = new Date();
  const moment = pastMoment({ asOf, sort }, { timeZone: 'UTC', now });
  const filter = resolveFilter(filterBody.parse({ dateFrom: '2020-01-01', ...asked }), {
    timeZone: 'UTC',
    now,
  });
  const parameters = new Parameters();
  const { source, conditions, filterColumns } = commissionsAsOf(parameters, moment, { ...filter, sort });
  return listPage(on, source, {
    query: { page: 1, limit: 20, sort },
    conditions: [...filterConditions(parameters, 'default', filter, filterColumns), ...conditions],
    parameters,
    filter,
  });
}

/** The statement of a page, and the indexes with which Postgres would run it. */
async function planOf(asked: Readonly<Record<string, unknown>>, sort: Sort = '-createdAt'): Promise<string> {
  let plan = '';
  const explaining: Pick<Database, 'query'> = {
    async query<Row extends object>(text: string, params: readonly QueryParam[] = []) {
      const lines = await db.query<Record<string, string>>(`EXPLAIN ${text}`, params);
      plan = lines.map((line) => Object.values(line)[0]).join('\n');
      return db.query<Row>(text, params);
    },
  };
  await list(explaining, asked, sort);
  return plan;
}

t.test('every filter and order of the list of commissions is read by an index', async (t) => {
  const cases = [
    [{}, '-createdAt', /commissions_created/],
    [{ partnerId: partner.id }, '-createdAt', /commissions_partner/],
    [{ policyId: policy.id }, '-createdAt', /commissions_policy/],
    [{ status: 'pending' }, '-createdAt', /commissions_status/],
    [{ kind: 'clawback' }, '-createdAt', /commissions_kind/],
    [{}, '-commissionAmount', /commissions_amount/],
    [{ minAmount: 5, maxAmount: 6 }, '-createdAt', /commissions_amount|commissions_created/],
    [{ dateField: 'paid' }, '-paidAt', /commissions_paid/],
    [{ dateField: 'confirmed' }, 'confirmedAt', /commissions_confirmed/],
    [
      { search: 'order-19999' },
      '-createdAt',
      /commissions_order_id_search[^]*commissions_referral_code_search/,
    ],
  ] as const;
  for (const [asked, sort, index] of cases) {
    const plan = await planOf(asked, sort);
    const [page] = plan.split('InitPlan');
    t.match(plan, index, `${JSON.stringify(asked)} ${sort}`);
    t.notMatch(page ?? plan, /Seq Scan on commissions/, `${JSON.stringify(asked)} ${sort}`);
  }
});

t.test('a past moment is read by the same indexes, and each row by the key of its entries', async (t) => {
  const asOf = new Date(Date.now() - 86_400_000).toISOString();
  const cases = [
    [{}, '-createdAt', /commissions_created/],
    [{ partnerId: partner.id }, '-createdAt', /commissions_partner/],
    [{ policyId: policy.id }, '-createdAt', /commissions_policy/],
    [{ status: 'paid' }, '-createdAt', /commissions_created/],
    [{ dateField: 'paid' }, '-paidAt', /commissions_paid/],
  ] as const;
  for (const [asked, sort, index] of cases) {
    const plan = await planOf({ ...asked, asOf }, sort);
    const [page] = plan.split('InitPlan');
    t.match(plan, index, `${JSON.stringify(asked)} ${sort}`);
    t.match(plan, /commission_entries_program_id_commission_id_version_pk/);
    t.notMatch(page ?? plan, /Seq Scan/, `${JSON.stringify(asked)} ${sort}`);
  }
});

t.test('a search is planned with its text, however often it was made', async (t) => {
  const single = connect({ url: serviceUrl, applicationName: 'one connection', maxConnections: 1 });
  t.teardown(() => single.close());
  for (let run = 1; run <= 20; run += 1) await list(single, { search: 'order-12' });
  const [used] = await single.query<{ customPlans: string; genericPlans: string }>(
    `SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%ILIKE%' AND statement NOT LIKE '%pg_prepared%'`,
  );
  t.match(used, { customPlans: '20', genericPlans: '0' });
});
