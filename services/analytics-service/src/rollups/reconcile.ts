import { setTimeout as delay } from 'node:timers/promises';
import type { Metrics } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { BASE_FIGURES } from './base-figures.ts';
import { daysOf } from './rebuild.ts';
import type { RebuildRange } from './rebuild.ts';
import { recomputeKeys } from './recompute.ts';
import { ROLLUPS } from './rollup-keys.ts';
import type { Rollup, RollupKey } from './rollup-keys.ts';

export interface ReconcileDeps {
  readonly db: Pick<Database, 'query'>;
  readonly metrics: Metrics;
  /** How long a change may be on its way to the rollups before it counts as lost; default 5 s. */
  readonly graceMs?: number;
}

/** Keys whose rollup was not what the base tables say, by rollup. */
export type Drift = Record<Rollup, number>;

/**
 * Compares the rollups of the days that a range touches with the base tables, repairs what differs and reports it: with
 * everything in order it finds nothing. A key counts as drifted when it still differs after the time that a change may
 * need to get there.
 */
export async function reconcileRollups(deps: ReconcileDeps, range: RebuildRange): Promise<Drift> {
  const gauge = driftGauge(deps.metrics);
  const drift: Drift = {
    partner_conversions: 0,
    partner_commissions: 0,
    policies: 0,
    products: 0,
    clicks: 0,
  };
  for (const day of daysOf(range)) {
    for (const rollup of ROLLUPS) drift[rollup] += await reconcileDay(deps, { rollup, day, ...range });
  }
  for (const rollup of ROLLUPS) gauge.set({ rollup }, drift[rollup]);
  return drift;
}

/** `analytics_drift`: keys that the last reconciliation had to repair. */
function driftGauge(metrics: Metrics) {
  return metrics.gauge({
    name: 'analytics_drift',
    help: 'Rollup keys that differed from the base tables at the last reconciliation',
    labels: ['rollup'],
  });
}

interface DayOfRollup {
  readonly rollup: Rollup;
  readonly day: Date;
  readonly programId: string;
}

async function reconcileDay({ db, graceMs = 5_000 }: ReconcileDeps, target: DayOfRollup): Promise<number> {
  const suspects = await differingKeys(db, target);
  if (suspects.length === 0) return 0;
  await delay(graceMs);
  const before = new Set(suspects.map(nameOf));
  const keys = (await differingKeys(db, target)).filter((key) => before.has(nameOf(key)));
  await recomputeKeys(db, { ...target, keys });
  return keys.length;
}

function nameOf({ hour, id }: RollupKey): string {
  return `${hour.getTime()} ${id}`;
}

async function differingKeys(
  db: Pick<Database, 'query'>,
  { rollup, day, programId }: DayOfRollup,
): Promise<RollupKey[]> {
  const { base, kept, figures } = BASE_FIGURES[rollup];
  const row = (alias: string): string =>
    figures.map((figure) => `coalesce(${alias}.${figure}, 0)`).join(', ');
  return db.query<RollupKey>(
    `SELECT DISTINCT coalesce(b.hour, k.hour) AS hour, coalesce(b.id, k.id) AS id
     FROM (${base}) AS b
     FULL JOIN (${kept}) AS k ON k.hour = b.hour AND k.id = b.id AND k.currency = b.currency
     WHERE (${row('b')}) IS DISTINCT FROM (${row('k')})`,
    [programId, day, new Date(day.getTime() + 24 * 3_600_000)],
  );
}
