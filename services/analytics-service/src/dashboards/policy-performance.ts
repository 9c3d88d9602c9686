import { z } from 'zod';
import { POLICY_TYPES } from '@tributary/schema';
import type { Database, PolicyType } from '@tributary/schema';
import { EARNING_FIGURES, createStatement, figureNames, policyFacts } from '@tributary/rollups';
import type { Cover, Scope } from '@tributary/rollups';
import { amount, average, percentage, total } from './arithmetic.ts';
import { countCommissions, sumsOf } from './figures.ts';
import type { EarningTotals } from './figures.ts';

export const policyPerformanceSchema = z.object({
  policyId: z.uuid(),
  policyName: z.string(),
  policyType: z.enum(POLICY_TYPES),
  totalCommissions: z.int(),
  totalAmount: z.number(),
  avgCommission: z.number(),
  refundCount: z.int(),
  refundRate: z.number(),
  confirmationRate: z.number(),
  totalRevenue: z.number(),
  roi: z.number(),
  rank: z.int(),
});

export type PolicyPerformance = z.output<typeof policyPerformanceSchema>;

type PolicyRow = EarningTotals & { policyId: string; policyName: string; policyType: PolicyType };

/** Policies that priced anything in the range, cancelled or not, the most expensive first. */
export async function readPolicyPerformance(
  db: Pick<Database, 'query'>,
  scope: Scope,
  cover: Cover,
): Promise<PolicyPerformance[]> {
  const s = createStatement(scope, cover);
  const rows = await db.query<PolicyRow>(
    `SELECT p.id AS policy_id, p.name AS policy_name, v.type AS policy_type, f.*
     FROM (SELECT f.policy_id, ${sumsOf(figureNames(EARNING_FIGURES))}
       FROM (${policyFacts(s)}) AS f GROUP BY f.policy_id) AS f
     JOIN commission_policies p ON p.program_id = ${s.programId} AND p.id = f.policy_id
     JOIN commission_policy_versions v
       ON v.program_id = p.program_id AND v.policy_id = p.id AND v.version = p.current_version
     WHERE f.pending_count + f.confirmed_count + f.paid_count + f.cancelled_count > 0
     ORDER BY f.earnings_amount DESC, p.id`,
    s.params,
  );
  return rows.map((row, index) => performanceOf(row, index + 1));
}

function performanceOf(row: PolicyRow, rank: number): PolicyPerformance {
  const commissions = countCommissions(row);
  return {
    policyId: row.policyId,
    policyName: row.policyName,
    policyType: row.policyType,
    totalCommissions: amount(commissions),
    totalAmount: amount(row.earningsAmount),
    avgCommission: average(row.earningsAmount, commissions),
    refundCount: amount(row.refundCount),
    refundRate: percentage(row.refundCount, commissions),
    confirmationRate: percentage(total(row.confirmedCount, row.paidCount), commissions),
    totalRevenue: amount(row.earningsOrderAmount),
    roi: percentage(row.earningsAmount, row.earningsOrderAmount),
    rank,
  };
}
