import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '@tributary/schema';
import { BASE_FIGURES } from './base-figures.ts';
import { COARSE_REPAIRS, COARSE_ROLLUPS } from './coarse.ts';
import type { CoarseRollup } from './coarse.ts';
import { DAY_MS, daysOf } from './days.ts';
import type { DayRange } from './days.ts';
import { recomputeKeys } from './recompute.ts';
import { ROLLUPS } from './rollup-keys.ts';
import type { Rollup, RollupKey } from './rollup-keys.ts';

export const RECONCILED_ROLLUPS = [...ROLLUPS, ...COARSE_ROLLUPS] as const;

export type ReconciledRollup = Rollup | CoarseRollup;

/** Keys that differed, by rollup; rollups without any are not named. */
export type Drift = Partial<Record<ReconciledRollup, number>>;

export interface ReconcileDeps {
  readonly db: Pick<Database, 'query'>;
  /** How long a change may be on its way to the rollups before it counts as lost; default 5 s. */
  readonly graceMs?: number;
  /** Stops between two days; what was repaired stays. */
  readonly signal?: AbortSignal;
  readonly onDay?: (day: Date, drift: Drift) => void | Promise<void>;
}

/**
 * Compares the rollups of the days that a range touches with the base tables, and days and hours of the programme with what
 * they are sums of; repairs what differs and answers it: with everything in order it finds nothing. A key counts as drifted
 * when it still differs after the time that a change may need to get there.
 */
export async function reconcileRollups(deps: ReconcileDeps, range: DayRange): Promise<Drift> {
  let total: Drift = {};
  for (const day of daysOf(range)) {
    if (deps.signal?.aborted === true) break;
    const drift = await reconcileDay(deps, { day, programId: range.programId });
    total = addDrift(total, drift);
    await deps.onDay?.(day, drift);
  }
  return total;
}

/** The sum of two findings. */
export function addDrift(one: Drift, other: Drift): Drift {
  const sums = RECONCILED_ROLLUPS.map(
    (rollup) => [rollup, (one[rollup] ?? 0) + (other[rollup] ?? 0)] as const,
  );
  return Object.fromEntries(sums.filter(([, found]) => found > 0));
}

interface Target {
  readonly day: Date;
  readonly programId: string;
}

/** Sums come last, since repairing what they are made of repairs them as well. */
async function reconcileDay(deps: ReconcileDeps, target: Target): Promise<Drift> {
  let drift: Drift = {};
  for (const rollup of ROLLUPS) {
    drift = addDrift(drift, { [rollup]: await reconcileRollup(deps, { ...target, rollup }) });
  }
  for (const rollup of COARSE_ROLLUPS) {
    drift = addDrift(drift, { [rollup]: await COARSE_REPAIRS[rollup](deps.db, target) });
  }
  return drift;
}

type RollupTarget = Target & { readonly rollup: Rollup };

async function reconcileRollup(
  { db, graceMs = 5_000, signal }: ReconcileDeps,
  target: RollupTarget,
): Promise<number> {
  const suspects = await differingKeys(db, target);
  if (suspects.length === 0) return 0;
  await delay(graceMs, undefined, signal === undefined ? {} : { signal });
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
  { rollup, day, programId }: RollupTarget,
): Promise<RollupKey[]> {
  const { base, kept, figures } = BASE_FIGURES[rollup];
  const row = (alias: string): string =>
    figures.map((figure) => `coalesce(${alias}.${figure}, 0)`).join(', ');
  return db.query<RollupKey>(
    `SELECT DISTINCT coalesce(b.hour, k.hour) AS hour, coalesce(b.id, k.id) AS id
     FROM (${base}) AS b
     FULL JOIN (${kept}) AS k ON k.hour = b.hour AND k.id = b.id AND k.currency = b.currency
     WHERE (${row('b')}) IS DISTINCT FROM (${row('k')})`,
    [programId, day, new Date(day.getTime() + DAY_MS)],
  );
}
