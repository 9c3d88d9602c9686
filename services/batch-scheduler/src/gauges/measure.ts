import { countDue } from '@tributary/commissions';
import { RECONCILED_ROLLUPS } from '@tributary/rollups';
import type { Clock, Metrics } from '@tributary/runtime';
import { DEFAULT_PROGRAM, type Database } from '@tributary/schema';
import { RECONCILE_ROLLUPS, reconcileStats } from '../rollups/reconcile-rollups.ts';

export type WholeGauges = ReturnType<typeof wholeGauges>;

/** Figures of the whole platform, which only one process may report. */
export function wholeGauges(metrics: Metrics) {
  return {
    inProgress: metrics.gauge({ name: 'commissions_in_progress', help: 'Commissions pending or confirmed' }),
    pending: metrics.gauge({ name: 'commissions_pending', help: 'Commissions that wait for confirmation' }),
    dueUnconfirmed: metrics.gauge({
      name: 'commissions_due_unconfirmed',
      help: 'Pending commissions, not under review, whose hold has passed',
    }),
    activePartners: metrics.gauge({
      name: 'active_partners_count',
      help: 'Partners with a valid click or a conversion in the last 30 days',
    }),
    drift: metrics.gauge({
      name: 'analytics_drift',
      help: 'Rollup keys that differed from what they should be at the last reconciliation',
      labels: ['rollup'],
    }),
    lastSuccess: metrics.gauge({
      name: 'job_last_success_timestamp_seconds',
      help: 'When each job that has a schedule last came to its end as it should',
      labels: ['job'],
    }),
  };
}

const ACTIVE_MS = 30 * 86_400_000;

// Counted in the index on status alone.
const OPEN = `
  SELECT (SELECT count(*)::int FROM commissions WHERE program_id = $1 AND status = 'pending') AS pending,
    (SELECT count(*)::int FROM commissions WHERE program_id = $1 AND status = 'confirmed') AS confirmed`;

// Two look-ups a partner, each of which ends at its first row. Clicks to the hour, as their rollups are.
const ACTIVE = `
  SELECT count(*)::int AS active FROM partners p
  WHERE p.program_id = $1 AND (
    EXISTS (SELECT FROM rollup_click_hours r
      WHERE r.program_id = p.program_id AND r.partner_id = p.id AND r.hour >= date_trunc('hour', $2::timestamptz, 'UTC')
        AND r.valid_clicks > 0)
    OR EXISTS (SELECT FROM conversion_events v
      WHERE v.program_id = p.program_id AND v.partner_id = p.id AND v.converted_at >= $2))`;

const LAST_DRIFT = `
  SELECT stats FROM jobs WHERE program_id = $1 AND name = $2 AND status = 'succeeded' ORDER BY created_at DESC, id DESC LIMIT 1`;

/** From the history of jobs, rather than from whichever process reconciled: the next run may be another's. */
async function measureDrift(db: Database, gauges: WholeGauges): Promise<void> {
  const [last] = await db.query<{ stats: unknown }>(LAST_DRIFT, [DEFAULT_PROGRAM, RECONCILE_ROLLUPS]);
  const { drift } = reconcileStats.parse(last?.stats ?? {});
  for (const rollup of RECONCILED_ROLLUPS) gauges.drift.set({ rollup }, drift[rollup] ?? 0);
}

// A month is more than any schedule leaves between two runs.
const LAST_SUCCESSES = `
  SELECT name, extract(epoch FROM max(finished_at) FILTER (WHERE status = 'succeeded'))::float8 AS at
  FROM jobs WHERE program_id = $1 AND created_at > $2
  GROUP BY name
  HAVING bool_or(scheduled_for IS NOT NULL) AND bool_or(status = 'succeeded')`;

async function measureSuccesses(db: Database, gauges: WholeGauges, now: Date): Promise<void> {
  const rows = await db.query<{ name: string; at: number }>(LAST_SUCCESSES, [
    DEFAULT_PROGRAM,
    new Date(now.getTime() - 31 * 86_400_000),
  ]);
  for (const { name, at } of rows) gauges.lastSuccess.set({ job: name }, at);
}

/** Reports nothing: the process no longer speaks for the whole. */
export function resetWhole({ drift, lastSuccess, ...plain }: WholeGauges): void {
  lastSuccess.reset();
  for (const gauge of Object.values(plain)) gauge.set(0);
  for (const rollup of RECONCILED_ROLLUPS) drift.set({ rollup }, 0);
}

/** Sets the gauges to what is true now. */
export async function measureWhole(db: Database, gauges: WholeGauges, clock: Clock): Promise<void> {
  const now = clock();
  const [open] = await db.query<{ pending: number; confirmed: number }>(OPEN, [DEFAULT_PROGRAM]);
  const [partners] = await db.query<{ active: number }>(ACTIVE, [
    DEFAULT_PROGRAM,
    new Date(now.getTime() - ACTIVE_MS),
  ]);
  const { pending = 0, confirmed = 0 } = open ?? {};
  gauges.pending.set(pending);
  gauges.inProgress.set(pending + confirmed);
  gauges.dueUnconfirmed.set(await countDue({ db }, DEFAULT_PROGRAM, now));
  gauges.activePartners.set(partners?.active ?? 0);
  await measureDrift(db, gauges);
  await measureSuccesses(db, gauges, now);
}
