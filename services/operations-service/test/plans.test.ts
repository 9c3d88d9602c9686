import { appendFileSync } from 'node:fs';
import {
  attentionConditions,
  COMMISSION_ATTENTION,
  filterConditions,
  Parameters,
} from '@tributary/commissions';
import { createTestDatabase, insertPartner, insertPolicy } from '@tributary/testkit';
import { connect, type Database, type QueryParam } from '@tributary/schema';
import t, { type Test } from 'tap';
import { commissionsAsOf, pastMoment } from '../src/commissions/as-of.ts';
import { filterBody, resolveFilter } from '../src/commissions/filter.ts';
import { listPage } from '../src/lists/list-page.ts';
import { planCases, type PlanCase, type PlanSubjects, type Sort } from './plan-cases.ts';

/** `npm run drill -- commissions-at-size` sets these: a filled database, who has much and little in it, and where to report. */
const { PLAN_DATABASE_URL, PLAN_SUBJECTS, PLAN_REPORT } = process.env;

async function smallProgramme(): Promise<{ db: Database; serviceUrl: string; subjects: PlanSubjects }> {
  const { db, owner, serviceUrl } = await createTestDatabase(t);
  const [few, many] = [await insertPartner(db), await insertPartner(db)];
  const [policy, policyOfMany] = [await insertPolicy(db), await insertPolicy(db)];
  await owner.query(
    `INSERT INTO commissions (id, program_id, kind, partner_id, policy_id, policy_version, status, commission_amount, order_amount,
       basis_amount, basis_left, currency, created_at, confirmed_at, paid_at, payment_method, payment_reference, order_id, referral_code)
     SELECT uuidv7(), 'default', 'bonus', CASE WHEN i % 50 = 0 THEN $1::uuid ELSE $2::uuid END,
       CASE WHEN i % 50 = 0 THEN $3::uuid ELSE $4::uuid END, 1, CASE WHEN i % 20 = 0 THEN 'pending' ELSE 'paid' END, 1 + i % 997, 0, 1, 0,
       'USD', now() - i * interval '100 seconds', now(), now(), 'wire', 'ref', 'order-' || i, 'code-' || i
     FROM generate_series(1, 20000) i`,
    [few.id, many.id, policy.id, policyOfMany.id],
  );
  await owner.query(
    `INSERT INTO commission_entries (commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after, status_after, actor, at)
     SELECT id, 1, partner_id, kind, currency, 'created', commission_amount, commission_amount, status, 'test', created_at FROM commissions`,
  );
  await owner.query('ANALYZE commissions, commission_entries');
  const subjects = {
    partner: { many: many.id, few: few.id },
    policy: { many: policyOfMany.id, few: policy.id },
    search: { rare: 'order-19999', common: 'order-', none: 'nowhere' },
  };
  return { db, serviceUrl, subjects };
}

function filledProgramme(serviceUrl: string, subjects: string) {
  const db = connect({ url: serviceUrl, applicationName: 'plans' });
  t.teardown(() => db.close());
  return { db, serviceUrl, subjects: JSON.parse(subjects) as PlanSubjects };
}

const { db, serviceUrl, subjects } =
  PLAN_DATABASE_URL === undefined || PLAN_SUBJECTS === undefined
    ? await smallProgramme()
    : filledProgramme(PLAN_DATABASE_URL, PLAN_SUBJECTS);
const isSmall = PLAN_DATABASE_URL === undefined;

function list(
  on: Pick<Database, 'query'>,
  {
    asOf,
    attention: kind,
    ...asked
  }: { readonly asOf?: string; readonly attention?: unknown; readonly [field: string]: unknown },
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
    conditions: [
      ...filterConditions(parameters, 'default', filter, filterColumns),
      ...attentionConditions(COMMISSION_ATTENTION.find((known) => known === kind)),
      ...conditions,
    ],
    parameters,
    filter,
  });
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** What is read by which index, and what is read whole. */
interface Read {
  readonly indexes: string[];
  readonly whole: string[];
}

interface Found {
  readonly page: Read;
  readonly count: Read;
  /** Best of three, page and count together. */
  readonly milliseconds: number;
}

async function planOf(asked: PlanCase['asked'], sort: Sort): Promise<Found> {
  let found: Omit<Found, 'milliseconds'> | undefined;
  const explaining: Pick<Database, 'query'> = {
    async query<Row extends object>(text: string, params: readonly QueryParam[] = []) {
      const [row] = await db.query<{ plan: readonly { Plan: PlanNode }[] }>(
        `EXPLAIN (FORMAT JSON) ${text}`,
        params,
      );
      const [plan] = Object.values(row ?? {})[0] ?? [];
      if (plan === undefined) throw new Error('nothing was explained');
      const [page, count] = partsOf(plan.Plan);
      found = { page: readBy(page), count: readBy(count) };
      return db.query<Row>(text, params);
    },
  };
  await list(explaining, asked, sort);
  if (found === undefined) throw new Error('the list asked nothing');
  let milliseconds = Infinity;
  for (let round = 1; round <= 3; round += 1) {
    const began = performance.now();
    await list(db, asked, sort);
    milliseconds = Math.min(milliseconds, performance.now() - began);
  }
  return { ...found, milliseconds };
}

/** The nodes of the page and those below the aggregate that counts. */
function partsOf(node: PlanNode): readonly [page: PlanNode[], count: PlanNode[]] {
  if (node['Node Type'] === 'Aggregate') return [[], nodesOf(node)];
  const parts = (node.Plans ?? []).map(partsOf);
  return [[node, ...parts.flatMap(([page]) => page)], parts.flatMap(([, count]) => count)];
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

const readBy = (nodes: readonly PlanNode[]): Read => ({
  indexes: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))],
  whole: nodes.flatMap((node) => {
    const { 'Node Type': type, 'Relation Name': relation } = node;
    return type === 'Seq Scan' && relation?.startsWith('commission') === true ? [relation] : [];
  }),
});

const described = ({ indexes, whole }: Read): string =>
  [...indexes.map((name) => `\`${name}\``), ...whole.map((name) => `all of ${name}`)].join(', ');

function report(says: string, { page, count, milliseconds }: Found): void {
  if (PLAN_REPORT === undefined) return;
  const line = [says, described(page), described(count), milliseconds.toFixed(1)].join(' | ');
  appendFileSync(PLAN_REPORT, `| ${line} |\n`);
}

/**
 * A page is read by an index. Its count stops at 10,001 matches: where they are common it may as well read the first rows
 * of the table.
 */
function assertIndexed(t: Test, { says, indexes }: PlanCase, { page }: Found): void {
  t.match(page.indexes.toSorted().join(' '), indexes, says);
  t.same(page.whole, [], `${says}: no page reads a table whole`);
}

/** Each case by itself: one that takes longer than a statement may is reported, and the others are tried. */
async function tryOut(t: Test, cases: readonly PlanCase[]): Promise<void> {
  for (const one of cases) {
    try {
      const found = await planOf(one.asked, one.sort);
      report(one.says, found);
      assertIndexed(t, one, found);
    } catch (error) {
      if (PLAN_REPORT !== undefined)
        appendFileSync(PLAN_REPORT, `| ${one.says} | - | - | ${String(error)} |\n`);
      t.fail(`${one.says}: ${String(error)}`);
    }
  }
}

t.test('every filter and order of the list of commissions is read by an index', (t) =>
  tryOut(t, planCases(subjects)),
);

t.test('a past moment is read by the same indexes, and each row by the key of its entries', (t) => {
  const asOf = new Date(Date.now() - 86_400_000).toISOString();
  const indexes = /commission_entries_program_id_commission_id_version_pk.* commissions_/;
  const cases = planCases(subjects).filter(
    ({ sort, presentOnly }) => presentOnly !== true && !sort.endsWith('commissionAmount'),
  );
  return tryOut(
    t,
    cases.map(({ says, asked, sort }) => ({
      says: `${says}, as of yesterday`,
      asked: { ...asked, asOf },
      sort,
      indexes,
    })),
  );
});

t.test('a search is planned with its text, however often it was made', { skip: !isSmall }, async (t) => {
  const single = connect({ url: serviceUrl, applicationName: 'one connection', maxConnections: 1 });
  t.teardown(() => single.close());
  for (let run = 1; run <= 20; run += 1) await list(single, { search: 'order-12' });
  const [used] = await single.query<{ customPlans: string; genericPlans: string }>(
    `SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%ILIKE%' AND statement NOT LIKE '%pg_prepared%'`,
  );
  t.match(used, { customPlans: '20', genericPlans: '0' });
});
