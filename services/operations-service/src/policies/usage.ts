import type { ContextPlaceholders } from '@tributary/commissions';
import type { Terms } from './policy-schema.ts';

type Limits = Pick<Terms, 'maxUsageTotal' | 'maxUsagePerPartner'>;

export const isLimited = ({ maxUsageTotal, maxUsagePerPartner }: Limits): boolean =>
  maxUsageTotal !== null || maxUsagePerPartner !== null;

/**
 * The CTEs that count how often a policy was used before it got a limit: the earnings it owns, whatever became of them,
 * and those that it was stacked on. Without them the first limit would begin at zero. The search for stacked uses reads
 * every earning since the policy exists, and so is left out for one that never was stackable.
 */
export function usageCounts(
  c: ContextPlaceholders,
  options: { readonly policyId: string; readonly everStackable: boolean },
): string[] {
  const { policyId, everStackable } = options;
  const owned = `SELECT partner_id FROM commissions WHERE program_id = ${c.programId} AND policy_id = ${policyId} AND kind = 'earning'`;
  const stacked = `SELECT m.partner_id FROM commissions m JOIN written r ON m.created_at >= r.created_at
      WHERE m.program_id = ${c.programId} AND m.kind = 'earning' AND m.metadata -> 'decision' -> 'considered'
        @> jsonb_build_array(jsonb_build_object('policyId', ${policyId}, 'outcome', 'stacked'))`;
  return [
    `used AS MATERIALIZED (
    SELECT partner_id, count(*)::int AS uses FROM (${everStackable ? `${owned} UNION ALL ${stacked}` : owned}) u GROUP BY partner_id)`,
    `used_in_all AS (
    INSERT INTO policy_usage (program_id, policy_id, partner_id, used)
    SELECT ${c.programId}, r.id, NULL, (SELECT coalesce(sum(uses), 0)::int FROM used) FROM written r
    ON CONFLICT (program_id, policy_id) WHERE partner_id IS NULL DO UPDATE SET used = excluded.used)`,
    `used_by_partner AS (
    INSERT INTO policy_usage (program_id, policy_id, partner_id, used)
    SELECT ${c.programId}, r.id, u.partner_id, u.uses FROM written r, used u
    ON CONFLICT (program_id, policy_id, partner_id) WHERE partner_id IS NOT NULL DO UPDATE SET used = excluded.used)`,
  ];
}
