import type { Database } from '@tributary/schema';
import { COARSE_REPAIRS } from './coarse.ts';
import { DAY_MS, daysOf } from './days.ts';
import type { DayRange } from './days.ts';
import { recomputeKeys } from './recompute.ts';
import { ROLLUPS } from './rollup-keys.ts';
import type { Rollup, RollupKey } from './rollup-keys.ts';

/** The hours and ids that have anything in a range, in the base tables or in the rollups themselves. */
const LIST_KEYS: Record<Rollup, string> = {
  partner_conversions: `
    SELECT date_trunc('hour', converted_at, 'UTC') AS hour, partner_id AS id FROM conversion_events
    WHERE program_id = $1 AND converted_at >= $2 AND converted_at < $3
    UNION SELECT hour, partner_id FROM rollup_partner_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3`,
  partner_commissions: `
    SELECT date_trunc('hour', created_at, 'UTC') AS hour, partner_id AS id FROM commissions
    WHERE program_id = $1 AND created_at >= $2 AND created_at < $3
    UNION SELECT date_trunc('hour', paid_at, 'UTC'), partner_id FROM commissions
    WHERE program_id = $1 AND paid_at >= $2 AND paid_at < $3
    UNION SELECT hour, partner_id FROM rollup_partner_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3`,
  policies: `
    SELECT date_trunc('hour', created_at, 'UTC') AS hour, policy_id AS id FROM commissions
    WHERE program_id = $1 AND created_at >= $2 AND created_at < $3 AND policy_id IS NOT NULL
    UNION SELECT hour, policy_id FROM rollup_policy_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3`,
  products: `
    SELECT date_trunc('hour', converted_at, 'UTC') AS hour, product_id AS id FROM conversion_events
    WHERE program_id = $1 AND converted_at >= $2 AND converted_at < $3
    UNION SELECT hour, product_id FROM rollup_product_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3`,
  clicks: `
    SELECT date_trunc('hour', clicked_at, 'UTC') AS hour, partner_id AS id FROM referral_clicks
    WHERE program_id = $1 AND clicked_at >= $2 AND clicked_at < $3 AND status = 'valid'
    UNION SELECT hour, partner_id FROM rollup_click_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3`,
};

export interface RebuildDeps {
  readonly db: Pick<Database, 'query'>;
  /** Stops between two days; what was rebuilt stays. */
  readonly signal?: AbortSignal;
  readonly onDay?: (day: Date, keys: number) => void | Promise<void>;
}

/**
 * Computes every rollup of the days that a range touches anew from the base tables, a day at a time, while events flow:
 * it takes the same way as the projector, so neither can undo the other's work. Answers how many keys it recomputed.
 */
export async function rebuildRollups(deps: RebuildDeps, range: DayRange): Promise<number> {
  let total = 0;
  for (const day of daysOf(range)) {
    if (deps.signal?.aborted === true) break;
    let keys = 0;
    for (const rollup of ROLLUPS)
      keys += await rebuildDay(deps.db, { rollup, day, programId: range.programId });
    await COARSE_REPAIRS.click_stats(deps.db, { day, programId: range.programId });
    total += keys;
    await deps.onDay?.(day, keys);
  }
  return total;
}

async function rebuildDay(
  db: Pick<Database, 'query'>,
  { rollup, day, programId }: { rollup: Rollup; day: Date; programId: string },
): Promise<number> {
  const keys = await db.query<RollupKey>(`${LIST_KEYS[rollup]} ORDER BY 1, 2`, [
    programId,
    day,
    new Date(day.getTime() + DAY_MS),
  ]);
  await recomputeKeys(db, { programId, rollup, keys });
  return keys.length;
}
