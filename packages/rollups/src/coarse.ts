import type { Database } from '@tributary/schema';
import { DAY_MS } from './days.ts';
import { EARNING_FIGURES, figureNames, PARTNER_FIGURES } from './figures.ts';
import { recomputeKeys } from './recompute.ts';
import type { Rollup } from './rollup-keys.ts';

/** The rollups that are written together with what they are sums of, so that they may differ at no moment. */
export const COARSE_ROLLUPS = [
  'partner_days',
  'program_hours',
  'policy_days',
  'product_days',
  'click_days',
  'program_click_hours',
  'click_stats',
] as const;

export type CoarseRollup = (typeof COARSE_ROLLUPS)[number];

/** A day of a programme. */
export interface DayOfProgram {
  readonly programId: string;
  readonly day: Date;
}

type Queries = Pick<Database, 'query'>;

/** Repairs what differs from its sums in a day, and answers how many rows there were. */
export type CoarseRepair = (db: Queries, target: DayOfProgram) => Promise<number>;

/** Hours of something, and what is made of them. */
interface Grain {
  readonly hours: string;
  readonly id: string;
  readonly names: readonly string[];
  /** What is recomputed to make the sums anew. */
  readonly rollups: readonly Rollup[];
}

const PARTNERS: Grain = {
  hours: 'rollup_partner_hours',
  id: 'partner_id',
  names: figureNames(PARTNER_FIGURES),
  rollups: ['partner_conversions', 'partner_commissions'],
};
const POLICIES: Grain = {
  hours: 'rollup_policy_hours',
  id: 'policy_id',
  names: figureNames(EARNING_FIGURES),
  rollups: ['policies'],
};
const PRODUCTS: Grain = {
  hours: 'rollup_product_hours',
  id: 'product_id',
  names: ['conversions'],
  rollups: ['products'],
};

const sumsOf = (names: readonly string[]): string =>
  names.map((name) => `sum(${name}) AS ${name}`).join(', ');
const row = (names: readonly string[], alias: string): string =>
  names.map((name) => `coalesce(${alias}.${name}, 0)`).join(', ');
const hoursOfDay = (table: string): string =>
  `FROM ${table} WHERE program_id = $1 AND hour >= $2 AND hour < $3`;

const differingDays = ({ hours, id, names }: Grain, days: string): string => `
  SELECT $2::timestamptz AS hour, coalesce(s.${id}, k.${id}) AS id, coalesce(s.currency, k.currency) AS currency
  FROM (SELECT ${id}, currency, ${sumsOf(names)} ${hoursOfDay(hours)} GROUP BY 1, 2) AS s
  FULL JOIN (SELECT * FROM ${days} WHERE program_id = $1 AND day >= $2 AND day < $3) AS k
    ON k.${id} = s.${id} AND k.currency = s.currency
  WHERE (${row(names, 's')}) IS DISTINCT FROM (${row(names, 'k')})`;

// Any partner's key makes the function add up the hour.
const DIFFERING_HOURS = `
  SELECT d.hour, d.currency, (SELECT id FROM partners WHERE program_id = $1 ORDER BY id LIMIT 1) AS id
  FROM (SELECT coalesce(s.hour, k.hour) AS hour, coalesce(s.currency, k.currency) AS currency
    FROM (SELECT hour, currency, ${sumsOf(PARTNERS.names)} ${hoursOfDay(PARTNERS.hours)} GROUP BY 1, 2) AS s
    FULL JOIN (SELECT * FROM rollup_program_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3) AS k
      ON k.hour = s.hour AND k.currency = s.currency
    WHERE (${row(PARTNERS.names, 's')}) IS DISTINCT FROM (${row(PARTNERS.names, 'k')})) AS d`;

// What is added is a difference found in one snapshot, which clicks counted meanwhile in both grains leave as it is.
const REPAIR_CLICK_DAYS = `
  WITH repaired AS (
    INSERT INTO rollup_click_days AS r (program_id, day, partner_id, valid_clicks)
    SELECT $1, $2::timestamptz, coalesce(s.partner_id, k.partner_id), coalesce(s.clicks, 0) - coalesce(k.valid_clicks, 0)
    FROM (SELECT partner_id, sum(valid_clicks) AS clicks ${hoursOfDay('rollup_click_hours')} GROUP BY 1) AS s
    FULL JOIN (SELECT * FROM rollup_click_days WHERE program_id = $1 AND day >= $2 AND day < $3) AS k
      ON k.partner_id = s.partner_id
    WHERE coalesce(s.clicks, 0) <> coalesce(k.valid_clicks, 0)
    ORDER BY 3
    ON CONFLICT (program_id, day, partner_id) DO UPDATE SET valid_clicks = r.valid_clicks + excluded.valid_clicks
    RETURNING 1)
  SELECT count(*)::int AS repaired FROM repaired`;

const REPAIR_PROGRAM_CLICK_HOURS = `
  WITH repaired AS (
    INSERT INTO rollup_program_click_hours AS r (program_id, hour, valid_clicks)
    SELECT $1, coalesce(s.hour, k.hour), coalesce(s.clicks, 0) - coalesce(k.valid_clicks, 0)
    FROM (SELECT hour, sum(valid_clicks) AS clicks ${hoursOfDay('rollup_click_hours')} GROUP BY 1) AS s
    FULL JOIN (SELECT * FROM rollup_program_click_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3) AS k
      ON k.hour = s.hour
    WHERE coalesce(s.clicks, 0) <> coalesce(k.valid_clicks, 0)
    ORDER BY 2
    ON CONFLICT (program_id, hour) DO UPDATE SET valid_clicks = r.valid_clicks + excluded.valid_clicks
    RETURNING 1)
  SELECT count(*)::int AS repaired FROM repaired`;

// Counted by a trigger on the clicks themselves, so what a snapshot shows of both must be equal.
const DIFFERING_CLICK_STATS = `
  SELECT count(*)::int AS differing
  FROM (SELECT coalesce(partner_id, '00000000-0000-0000-0000-000000000000') AS partner_id, status, source, count(*) AS clicks
    FROM referral_clicks WHERE program_id = $1 AND clicked_at >= $2 AND clicked_at < $3 GROUP BY 1, 2, 3) AS s
  FULL JOIN (SELECT * FROM rollup_click_stat_days WHERE program_id = $1 AND day >= $2 AND day < $3) AS k
    ON k.partner_id = s.partner_id AND k.status = s.status AND k.source = s.source
  WHERE coalesce(s.clicks, 0) <> coalesce(k.clicks, 0)`;

interface DifferingSum {
  readonly hour: Date;
  readonly id: string;
  readonly currency: string;
}

export const COARSE_REPAIRS: Record<CoarseRollup, CoarseRepair> = {
  partner_days: (db, target) =>
    repairSums(db, target, { grain: PARTNERS, differing: differingDays(PARTNERS, 'rollup_partner_days') }),
  program_hours: (db, target) => repairSums(db, target, { grain: PARTNERS, differing: DIFFERING_HOURS }),
  policy_days: (db, target) =>
    repairSums(db, target, { grain: POLICIES, differing: differingDays(POLICIES, 'rollup_policy_days') }),
  product_days: (db, target) =>
    repairSums(db, target, { grain: PRODUCTS, differing: differingDays(PRODUCTS, 'rollup_product_days') }),
  click_days: (db, target) => repairClicks(db, target, REPAIR_CLICK_DAYS),
  program_click_hours: (db, target) => repairClicks(db, target, REPAIR_PROGRAM_CLICK_HOURS),
  async click_stats(db, target) {
    const [found] = await db.query<{ differing: number }>(DIFFERING_CLICK_STATS, bounds(target));
    const differing = found?.differing ?? 0;
    if (differing > 0) await recountClickStats(db, target);
    return differing;
  },
};

/** Counts the statistics of a day's clicks anew; who stores clicks of that day waits meanwhile. */
async function recountClickStats(db: Queries, { programId, day }: DayOfProgram): Promise<void> {
  await db.query('SELECT recompute_click_stats($1, $2::timestamptz[])', [programId, [day]]);
}

function bounds({ programId, day }: DayOfProgram): [string, Date, Date] {
  return [programId, day, new Date(day.getTime() + DAY_MS)];
}

async function repairClicks(db: Queries, target: DayOfProgram, statement: string): Promise<number> {
  const [found] = await db.query<{ repaired: number }>(statement, bounds(target));
  return found?.repaired ?? 0;
}

/** A sum without any hour is not seen by the functions, which add up what is there: an hour of zeros makes them see it. */
const zeroHours = ({ hours, id }: Grain): string => `
  INSERT INTO ${hours} (program_id, hour, ${id}, currency)
  SELECT $1, key.hour, key.id, key.currency
  FROM unnest($2::timestamptz[], $3::uuid[], $4::text[]) AS key (hour, id, currency)
  ORDER BY key.currency, key.hour, key.id
  ON CONFLICT DO NOTHING`;

async function repairSums(
  db: Queries,
  target: DayOfProgram,
  { grain, differing }: { grain: Grain; differing: string },
): Promise<number> {
  const found = await db.query<DifferingSum>(differing, bounds(target));
  if (found.length === 0) return 0;
  const { programId } = target;
  await db.query(zeroHours(grain), [
    programId,
    found.map(({ hour }) => hour),
    found.map(({ id }) => id),
    found.map(({ currency }) => currency),
  ]);
  for (const rollup of grain.rollups) await recomputeKeys(db, { programId, rollup, keys: found });
  return found.length;
}
