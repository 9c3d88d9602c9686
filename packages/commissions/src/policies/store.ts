import type { Database } from '@tributary/schema';

import { policyRevision } from '../revisions.ts';
import type { Policy } from './types.ts';

/** Every version of every active policy, as read; usage is read apart because it must not be cached. */
export interface PolicyRecord extends Policy {
  /** Moves on with any change of the policy: what statements check before they rely on it. */
  rowVersion: number;
  effectiveFrom: Date;
}

/** Every version of a programme's active policies, and which state of them it is (`policyRevision`). */
export interface PolicySet {
  readonly revision: string;
  readonly policies: readonly PolicyRecord[];
}

/** In one statement, thus of one moment; a row without a policy where none is active. */
const POLICIES = `
  SELECT r.revision, p.id, p.code, p.status, p.priority, p.created_at, p.version AS row_version, v.version, v.effective_from, v.type,
    v.rate, v.amount, v.tiers, v.currency, v.partner_id, v.partner_tier, v.product_id, v.supplier_id, v.category, v.tags,
    v.min_commission, v.max_commission, v.min_order_amount, v.max_order_amount, v.requires_new_customer, v.valid_from,
    v.valid_until, v.max_usage_total, v.max_usage_per_partner, v.hold_days, v.stackable, v.exclusive_with,
    0 AS usage_total, 0 AS usage_by_partner
  FROM (SELECT ${policyRevision('$1')} AS revision) r
  LEFT JOIN (commission_policies p
    JOIN commission_policy_versions v ON v.program_id = p.program_id AND v.policy_id = p.id)
    ON p.program_id = $1 AND p.status = 'active'
  ORDER BY p.id, v.version`;

/** All versions of the programme's active policies; fit for a cache. */
export async function readPolicies(db: Database, programId: string): Promise<PolicySet> {
  type Row = { revision: string } & (PolicyRecord | { id: null });
  const rows = await db.query<Row>(POLICIES, [programId]);
  const policies = rows.flatMap(({ revision: _revision, ...policy }) => (policy.id === null ? [] : [policy]));
  return { revision: rows[0]?.revision ?? '', policies };
}

/**
 * Of each policy the version in force at `now`: the latest whose time has come. Usage limits are those of the newest: they
 * count what is written from then on, also by a command that was given a moment before.
 */
export function policiesInForce(records: readonly PolicyRecord[], now: Date): PolicyRecord[] {
  const inForce = new Map<string, PolicyRecord>();
  const newest = new Map<string, PolicyRecord>();
  for (const record of records) {
    if (isLater(record, newest.get(record.id))) newest.set(record.id, record);
    if (record.effectiveFrom <= now && isLater(record, inForce.get(record.id)))
      inForce.set(record.id, record);
  }
  return [...inForce.values()].map((record) => {
    const { maxUsageTotal, maxUsagePerPartner } = newest.get(record.id) ?? record;
    return { ...record, maxUsageTotal, maxUsagePerPartner };
  });
}

const isLater = (record: PolicyRecord, other: PolicyRecord | undefined): boolean =>
  other === undefined || record.version > other.version;

const USAGE = `SELECT policy_id, partner_id, used FROM policy_usage
  WHERE program_id = $1 AND policy_id = ANY($2::uuid[]) AND (partner_id IS NULL OR partner_id = ANY($3::uuid[]))`;

/** How often limited policies have been used, in all and by each of these partners. */
export type UsageLookup = (policyId: string, partnerId: string) => { total: number; byPartner: number };

/** Reads the uses of those policies that have a limit; asks nothing where none has. */
export async function readUsage(
  db: Database,
  programId: string,
  policies: readonly PolicyRecord[],
  partnerIds: readonly string[],
): Promise<UsageLookup> {
  const limited = policies.filter((p) => p.maxUsageTotal !== null || p.maxUsagePerPartner !== null);
  if (limited.length === 0) return () => ({ total: 0, byPartner: 0 });
  const ids = limited.map((policy) => policy.id);
  const rows = await db.query<{ policyId: string; partnerId: string | null; used: number }>(USAGE, [
    programId,
    ids,
    [...partnerIds],
  ]);
  const used = new Map(rows.map((row) => [`${row.policyId} ${row.partnerId ?? 'all'}`, row.used]));
  return (policyId, partnerId) => ({
    total: used.get(`${policyId} all`) ?? 0,
    byPartner: used.get(`${policyId} ${partnerId}`) ?? 0,
  });
}
