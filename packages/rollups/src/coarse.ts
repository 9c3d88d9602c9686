import type { Database } from '@tributary/schema';
import { DAY_MS } from './days.ts';
import { figureNames, PARTNER_FIGURES } from './figures.ts';
import { recomputeKeys } from './recompute.ts';

/** The rollups that are sums of finer ones. They are written together with those, so they may differ at no moment. */
export const COARSE_ROLLUPS = ['partner_days', 'program_hours', 'click_days'] as const;

export type CoarseRollup = (typeof COARSE_ROLLUPS)[number];

/** A day of a programme. */
export interface DayOfProgram {
  readonly programId: string;
  readonly day: Date;
}

type Queries = Pick<Database, 'query'>;

/** Repairs what differs from its sums in a day, and answers how many rows there were. */
export type CoarseRepair = (db: Queries, target: DayOfProgram) => Promise<number>;

const NAMES = figureNames(PARTNER_FIGURES);
const SUMS = NAMES.map((name) => `sum(${name}) AS ${name}`).join(', ');
const row = (alias: string): string => NAMES.map((name) => `coalesce(${alias}.${name}, 0)`).join(', ');

const HOURS_OF_DAY = 'FROM rollup_partner_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3';

const DIFFERING_DAYS = `
  SELECT $2::timestamptz AS hour, coalesce(s.partner_id, k.partner_id) AS partner_id, coalesce(s.currency, k.currency) AS currency
  FROM (SELECT partner_id, currency, ${SUMS} ${HOURS_OF_DAY} GROUP BY 1, 2) AS s
  FULL JOIN (SELECT * FROM rollup_partner_days WHERE program_id = $1 AND day >= $2 AND day < $3) AS k
    ON k.partner_id = s.partner_id AND k.currency = s.currency
  WHERE (${row('s')}) IS DISTINCT FROM (${row('k')})`;

// Any partner's key makes the function add up the hour.
const DIFFERING_HOURS = `
  SELECT d.hour, d.currency, (SELECT id FROM partners WHERE program_id = $1 ORDER BY id LIMIT 1) AS partner_id
  FROM (SELECT coalesce(s.hour, k.hour) AS hour, coalesce(s.currency, k.currency) AS currency
    FROM (SELECT hour, currency, ${SUMS} ${HOURS_OF_DAY} GROUP BY 1, 2) AS s
    FULL JOIN (SELECT * FROM rollup_program_hours WHERE program_id = $1 AND hour >= $2 AND hour < $3) AS k
      ON k.hour = s.hour AND k.currency = s.currency
    WHERE (${row('s')}) IS DISTINCT FROM (${row('k')})) AS d`;

// What is added is a difference found in one snapshot, which clicks counted meanwhile in both grains leave as it is.
const REPAIR_CLICK_DAYS = `
  WITH repaired AS (
    INSERT INTO rollup_click_days AS r (program_id, day, partner_id, valid_clicks)
    SELECT $1, $2::timestamptz, coalesce(s.partner_id, k.partner_id), coalesce(s.clicks, 0) - coalesce(k.valid_clicks, 0)
    FROM (SELECT partner_id, sum(valid_clicks) AS clicks FROM rollup_click_hours
      WHERE program_id = $1 AND hour >= $2 AND hour < $3 GROUP BY 1) AS s
    FULL JOIN (SELECT * FROM rollup_click_days WHERE program_id = $1 AND day >= $2 AND day < $3) AS k
      ON k.partner_id = s.partner_id
    WHERE coalesce(s.clicks, 0) <> coalesce(k.valid_clicks, 0)
    ORDER BY 3
    ON CONFLICT (program_id, day, partner_id) DO UPDATE SET valid_clicks = r.valid_clicks + excluded.valid_clicks
    RETURNING 1)
  SELECT count(*)::int AS repaired FROM repaired`;

/** A sum without any hour is not seen by the functions, which add up what is there: an hour of zeros makes them see it. */
const ZERO_HOURS = `
  INSERT INTO rollup_partner_hours (program_id, hour, partner_id, currency)
  SELECT $1, key.hour, key.partner_id, key.currency
  FROM unnest($2::timestamptz[], $3::uuid[], $4::text[]) AS key (hour, partner_id, currency)
  ORDER BY key.currency, key.hour, key.partner_id
  ON CONFLICT DO NOTHING`;

interface DifferingSum {
  readonly hour: Date;
  readonly partnerId: string;
  readonly currency: string;
}

export const COARSE_REPAIRS: Record<CoarseRollup, CoarseRepair> = {
  partner_days: (db, target) => repairSums(db, target, DIFFERING_DAYS),
  program_hours: (db, target) => repairSums(db, target, DIFFERING_HOURS),
  async click_days(db, target) {
    const [found] = await db.query<{ repaired: number }>(REPAIR_CLICK_DAYS, bounds(target));
    return found?.repaired ?? 0;
  },
};

function bounds({ programId, day }: DayOfProgram): [string, Date, Date] {
  return [programId, day, new Date(day.getTime() + DAY_MS)];
}

async function repairSums(db: Queries, target: DayOfProgram, differing: string): Promise<number> {
  const found = await db.query<DifferingSum>(differing, bounds(target));
  if (found.length === 0) return 0;
  const { programId } = target;
  await db.query(ZERO_HOURS, [
    programId,
    found.map(({ hour }) => hour),
    found.map(({ partnerId }) => partnerId),
    found.map(({ currency }) => currency),
  ]);
  const keys = found.map(({ hour, partnerId }) => ({ hour, id: partnerId }));
  await recomputeKeys(db, { programId, rollup: 'partner_conversions', keys });
  await recomputeKeys(db, { programId, rollup: 'partner_commissions', keys });
  return found.length;
}
