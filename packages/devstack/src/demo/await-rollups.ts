import { setTimeout as delay } from 'node:timers/promises';

import { type Database, DEFAULT_PROGRAM } from '@tributary/schema';

const POLL_MS = 50;

// Each rollup is compared as a whole: what is final in every row is final in the sum, and nothing else adds up to it.
const COMPARE = `SELECT
    (SELECT (count(*), count(*) FILTER (WHERE is_primary), coalesce(sum(attributed_amount), 0))
      FROM conversion_events WHERE program_id = $1)
    = ALL (SELECT (coalesce(sum(conversions), 0), coalesce(sum(primary_conversions), 0), coalesce(sum(revenue), 0))
        FROM rollup_partner_hours WHERE program_id = $1
      UNION ALL SELECT (coalesce(sum(conversions), 0), coalesce(sum(primary_conversions), 0), coalesce(sum(revenue), 0))
        FROM rollup_partner_days WHERE program_id = $1
      UNION ALL SELECT (coalesce(sum(conversions), 0), coalesce(sum(primary_conversions), 0), coalesce(sum(revenue), 0))
        FROM rollup_program_hours WHERE program_id = $1) AS conversions,
    (SELECT (count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'confirmed'),
        count(*) FILTER (WHERE status = 'paid'), count(*) FILTER (WHERE status = 'cancelled'),
        coalesce(sum(commission_amount) FILTER (WHERE status <> 'cancelled'), 0))
      FROM commissions WHERE program_id = $1 AND kind = 'earning')
    = ALL (SELECT (coalesce(sum(pending_count), 0), coalesce(sum(confirmed_count), 0), coalesce(sum(paid_count), 0),
        coalesce(sum(cancelled_count), 0), coalesce(sum(earnings_amount), 0)) FROM rollup_partner_hours WHERE program_id = $1
      UNION ALL SELECT (coalesce(sum(pending_count), 0), coalesce(sum(confirmed_count), 0), coalesce(sum(paid_count), 0),
        coalesce(sum(cancelled_count), 0), coalesce(sum(earnings_amount), 0)) FROM rollup_partner_days WHERE program_id = $1
      UNION ALL SELECT (coalesce(sum(pending_count), 0), coalesce(sum(confirmed_count), 0), coalesce(sum(paid_count), 0),
        coalesce(sum(cancelled_count), 0), coalesce(sum(earnings_amount), 0)) FROM rollup_program_hours WHERE program_id = $1
      UNION ALL SELECT (coalesce(sum(pending_count), 0), coalesce(sum(confirmed_count), 0), coalesce(sum(paid_count), 0),
        coalesce(sum(cancelled_count), 0), coalesce(sum(earnings_amount), 0)) FROM rollup_policy_hours WHERE program_id = $1) AS earnings,
    (SELECT coalesce(sum(commission_amount), 0) FROM commissions WHERE program_id = $1 AND kind = 'earning' AND status = 'paid')
    = (SELECT coalesce(sum(paid_amount), 0) FROM rollup_program_hours WHERE program_id = $1) AS payments,
    (SELECT count(*) FROM conversion_events WHERE program_id = $1 AND is_primary)
    = (SELECT coalesce(sum(conversions), 0) FROM rollup_product_hours WHERE program_id = $1) AS products`;

/**
 * Waits until every rollup has what the base tables have, so that a dashboard shows all of the demonstration at once.
 * @returns whether they have, within `timeoutMs`
 */
export async function awaitRollups(
  db: Database,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const [row] = await db.query<Record<string, boolean>>(COMPARE, [DEFAULT_PROGRAM]);
    if (row !== undefined && Object.values(row).every(Boolean)) return true;
    if (signal?.aborted === true || performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
}
