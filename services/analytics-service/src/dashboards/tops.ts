import type { Database } from '@tributary/schema';
import { createStatement, partnerFacts, policyFacts, productFacts } from '@tributary/rollups';
import type { Cover, Scope } from '@tributary/rollups';

/** The first by some measure; of equals the one with the smaller id. */
export interface Top {
  readonly id: string;
  readonly name: string;
  /** Exact, as text. */
  readonly measure: string;
}

type Db = Pick<Database, 'query'>;

const EARNINGS = ['pending_count', 'confirmed_count', 'paid_count', 'earnings_amount'] as const;
const COMMISSIONS = 'sum(f.pending_count + f.confirmed_count + f.paid_count)';

/** Who earned most; undefined when nobody has an earning that is not cancelled. */
export async function readTopPartner(db: Db, scope: Scope, cover: Cover): Promise<Top | undefined> {
  const s = createStatement(scope, cover);
  const [top] = await db.query<Top>(
    `SELECT p.id, p.name, t.measure
     FROM (SELECT f.partner_id, sum(f.earnings_amount) AS measure FROM (${partnerFacts(s, EARNINGS)}) AS f
       GROUP BY f.partner_id HAVING ${COMMISSIONS} > 0 ORDER BY 2 DESC, 1 LIMIT 1) AS t
     JOIN partners p ON p.program_id = ${s.programId} AND p.id = t.partner_id`,
    s.params,
  );
  return top;
}

/** The policy with the most commissions that are not cancelled. */
export async function readTopPolicy(db: Db, scope: Scope, cover: Cover): Promise<Top | undefined> {
  const s = createStatement(scope, cover);
  const [top] = await db.query<Top>(
    `SELECT p.id, p.name, t.measure
     FROM (SELECT f.policy_id, ${COMMISSIONS} AS measure FROM (${policyFacts(s)}) AS f
       GROUP BY f.policy_id HAVING ${COMMISSIONS} > 0 ORDER BY 2 DESC, 1 LIMIT 1) AS t
     JOIN commission_policies p ON p.program_id = ${s.programId} AND p.id = t.policy_id`,
    s.params,
  );
  return top;
}

/** The product with the most primary conversions. */
export async function readTopProduct(db: Db, scope: Scope, cover: Cover): Promise<Top | undefined> {
  const s = createStatement(scope, cover);
  const [top] = await db.query<Top>(
    `SELECT p.id, p.name, t.measure
     FROM (SELECT f.product_id, sum(f.conversions) AS measure FROM (${productFacts(s)}) AS f
       GROUP BY f.product_id HAVING sum(f.conversions) > 0 ORDER BY 2 DESC, 1 LIMIT 1) AS t
     JOIN products p ON p.program_id = ${s.programId} AND p.id = t.product_id`,
    s.params,
  );
  return top;
}
