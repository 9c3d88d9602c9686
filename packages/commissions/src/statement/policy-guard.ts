import type { ContextPlaceholders, Parameters } from './parameters.ts';
import { requireRows } from './run.ts';

/** One use of a policy by one commission, with what the decision relied on. */
export interface PolicyUse {
  policyId: string;
  /** `commission_policies.version` of the row that was read: any change of the policy moves it on. */
  rowVersion: number;
  partnerId: string;
  partnerTier: string;
  maxUsageTotal: number | null;
  maxUsagePerPartner: number | null;
}

const toRecord = (use: PolicyUse, uses: number): Record<string, unknown> => ({
  uses,
  policy_id: use.policyId,
  row_version: use.rowVersion,
  partner_id: use.partnerId,
  partner_tier: use.partnerTier,
  max_total: use.maxUsageTotal,
  max_partner: use.maxUsagePerPartner,
});

/** One record for all uses that rely on the same: an import has hundreds of them in a statement. */
function gather(uses: readonly PolicyUse[]): Record<string, unknown>[] {
  const gathered = new Map<string, { use: PolicyUse; count: number }>();
  for (const use of uses) {
    const key = Object.values(use).join(' ');
    const known = gathered.get(key);
    if (known === undefined) gathered.set(key, { use, count: 1 });
    else known.count += 1;
  }
  return [...gathered.values()].map(({ use, count }) => toRecord(use, count));
}

/**
 * The CTEs that check, in the statement that writes commissions, that every policy and partner decided upon is still the
 * one that was read, and that count the uses of limited policies against their limits. The limit is tested on the
 * running total's own row, so that it holds however many statements run at once. Uses of unlimited ones are not counted;
 * they share a lock until the statement has ended, so that whoever sets a first limit can count them.
 */
export function policyGuard(
  parameters: Parameters,
  c: ContextPlaceholders,
  uses: readonly PolicyUse[],
): { ctes: string[]; answers: Record<string, string> } {
  if (uses.length === 0) return { ctes: [], answers: {} };
  const records = parameters.add(gather(uses), 'jsonb');
  const limited = '(u.max_total IS NOT NULL OR u.max_partner IS NOT NULL)';
  const ctes = [
    `used AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${records}) AS x(policy_id uuid, row_version int,
      partner_id uuid, partner_tier text, max_total int, max_partner int, uses int))`,
    `unlimited AS MATERIALIZED (
    SELECT d.policy_id FROM (SELECT DISTINCT u.policy_id, u.row_version FROM used u WHERE NOT ${limited}) d
    WHERE unlimited_policy_holds(${c.programId}, d.policy_id, d.row_version))`,
    `unchanged AS (
    SELECT u.policy_id FROM used u
    JOIN commission_policies p ON p.program_id = ${c.programId} AND p.id = u.policy_id AND p.version = u.row_version
      AND p.status = 'active'
    JOIN partners a ON a.program_id = ${c.programId} AND a.id = u.partner_id AND a.status = 'active'
      AND a.tier = u.partner_tier
    WHERE ${limited} OR u.policy_id IN (SELECT policy_id FROM unlimited))`,
    `used_in_all AS (
    SELECT u.policy_id, sum(u.uses)::int AS uses, min(u.max_total) AS max_uses FROM used u WHERE ${limited}
    GROUP BY u.policy_id ORDER BY u.policy_id)`,
    `used_by_partner AS (
    SELECT u.policy_id, u.partner_id, sum(u.uses)::int AS uses, min(u.max_partner) AS max_uses FROM used u WHERE ${limited}
    GROUP BY u.policy_id, u.partner_id ORDER BY u.policy_id, u.partner_id)`,
    `counted_in_all AS (
    INSERT INTO policy_usage AS t (program_id, policy_id, partner_id, used)
    SELECT ${c.programId}, policy_id, NULL, uses FROM used_in_all WHERE uses <= coalesce(max_uses, uses)
    ON CONFLICT (program_id, policy_id) WHERE partner_id IS NULL DO UPDATE SET used = t.used + excluded.used
      WHERE t.used + excluded.used <= coalesce((SELECT max_uses FROM used_in_all n WHERE n.policy_id = t.policy_id), 2147483647)
    RETURNING t.policy_id)`,
    `counted_by_partner AS (
    INSERT INTO policy_usage AS t (program_id, policy_id, partner_id, used)
    SELECT ${c.programId}, policy_id, partner_id, uses FROM used_by_partner WHERE uses <= coalesce(max_uses, uses)
    ON CONFLICT (program_id, policy_id, partner_id) WHERE partner_id IS NOT NULL DO UPDATE SET used = t.used + excluded.used
      WHERE t.used + excluded.used <= coalesce((SELECT max_uses FROM used_by_partner n
        WHERE n.policy_id = t.policy_id AND n.partner_id = t.partner_id), 2147483647)
    RETURNING t.policy_id)`,
  ];
  const answers = {
    policies_hold: requireRows('unchanged', '(SELECT count(*) FROM used)'),
    total_limits_hold: requireRows('counted_in_all', '(SELECT count(*) FROM used_in_all)'),
    partner_limits_hold: requireRows('counted_by_partner', '(SELECT count(*) FROM used_by_partner)'),
  };
  return { ctes, answers };
}
