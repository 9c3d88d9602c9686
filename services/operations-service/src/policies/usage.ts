import type { ContextPlaceholders } from '@tributary/commissions';
import type { Terms } from './policy-schema.ts';

type Limits = Pick<Terms, 'maxUsageTotal' | 'maxUsagePerPartner'>;

export const isLimited = ({ maxUsageTotal, maxUsagePerPartner }: Limits): boolean =>
  maxUsageTotal !== null || maxUsagePerPartner !== null;

/**
 * The CTEs that count how often a policy was used before it got a limit. Without them the first limit would begin at zero.
 * They wait for the commissions that are being written by the policy as it was, and no later one is.
 */
export function usageCounts(
  c: ContextPlaceholders,
  options: { readonly policyId: string; readonly everStackable: boolean },
): string[] {
  const { policyId, everStackable } = options;
  return [
    `used AS MATERIALIZED (
    SELECT u.partner AS partner_id, u.uses FROM written r
    CROSS JOIN LATERAL policy_uses_so_far(${c.programId}, ${policyId}, r.created_at, ${everStackable}) u)`,
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
