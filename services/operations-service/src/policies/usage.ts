import type { ContextPlaceholders, Parameters } from '@tributary/commissions';
import type { Terms } from './policy-schema.ts';

type Limits = Pick<Terms, 'maxUsageTotal' | 'maxUsagePerPartner'>;

export const isLimited = ({ maxUsageTotal, maxUsagePerPartner }: Limits): boolean =>
  maxUsageTotal !== null || maxUsagePerPartner !== null;

/**
 * What is older is counted before the statement that sets the limit, and what is younger in it. Uses are written seconds after
 * the moment they bear, so that nothing joins the older ones any more.
 */
const SETTLED_MS = 300_000;

export const settledBefore = (now: Date): Date => new Date(now.getTime() - SETTLED_MS);

/** Uses of a policy before `since`, by partner. */
export interface EarlierUses {
  readonly since: Date;
  readonly uses: Readonly<Record<string, number>>;
}

/**
 * The CTEs that count how often a policy was used before it got a limit. Without them the first limit would begin at zero.
 * They wait for the commissions that are being written by the policy as it was, and no later one is.
 */
export function usageCounts(
  parameters: Parameters,
  c: ContextPlaceholders,
  { policyId, earlier }: { readonly policyId: string; readonly earlier: EarlierUses },
): string[] {
  const since = parameters.add(earlier.since, 'timestamptz');
  return [
    `used AS MATERIALIZED (
    SELECT partner_id, sum(uses)::int AS uses FROM (
      SELECT e.key::uuid AS partner_id, e.value::int AS uses FROM written, jsonb_each_text(${parameters.add(earlier.uses, 'jsonb')}) e
      UNION ALL
      SELECT u.partner, u.uses FROM written r CROSS JOIN LATERAL policy_uses_since(${c.programId}, ${policyId}, ${since}) u) one
    GROUP BY 1)`,
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
