import { Parameters } from '@tributary/commissions';
import type { DateRange } from '@tributary/http-kit';
import { CLICK_SOURCES, CLICK_STATUSES, type ReadDatabase } from '@tributary/schema';
import type { Selection } from '../lists/read-list.ts';

const each = (names: readonly string[], where: (name: string) => string): string =>
  names.map((name) => `'${name}', coalesce(sum(c.clicks) FILTER (WHERE ${where(name)}), 0)::int`).join(', ');

const STATS = (facts: string): string => `SELECT json_build_object(
    'totalClicks', coalesce(sum(c.clicks) FILTER (WHERE c.status = 'valid'), 0)::int,
    'statusBreakdown', json_build_object(${each(CLICK_STATUSES, (status) => `c.status = '${status}'`)}),
    'sourceBreakdown', json_build_object(${each(CLICK_SOURCES, (source) => `c.source = '${source}' AND c.status = 'valid'`)})
  )::text AS stats FROM (${facts}) AS c`;

const ROWS = (where: string): string =>
  `SELECT c.status, c.source, count(*) AS clicks FROM referral_clicks c WHERE ${where} GROUP BY 1, 2`;
const DAYS = (where: string): string =>
  `SELECT d.status, d.source, d.clicks FROM rollup_click_stat_days d WHERE ${where}`;

const DAY_MS = 86_400_000;

/** The JSON text of the statistics of some clicks, counted from their rows. */
export async function countRows(db: Pick<ReadDatabase, 'query'>, selection: Selection): Promise<string> {
  const { conditions, parameters } = selection;
  return read(db, ROWS(conditions.join(' AND ')), parameters);
}

/** The clicks of a programme, or of one partner, in a range. */
export interface ClicksOf {
  readonly programId: string;
  readonly partnerId: string | undefined;
  readonly range: DateRange;
}

/** The same for whoever asks by no more than the partner: whole days (UTC) from their rollup, the rest from rows. */
export async function countDays(db: Pick<ReadDatabase, 'query'>, asked: ClicksOf): Promise<string> {
  const { programId, partnerId, range } = asked;
  const parameters = new Parameters();
  const program = parameters.add(programId, 'text');
  const partner = partnerId === undefined ? undefined : parameters.add(partnerId, 'uuid');
  const where = (alias: string, time: string, from: Date, to: Date): string =>
    [
      `${alias}.program_id = ${program}`,
      `${alias}.${time} >= ${parameters.add(from, 'timestamptz')}`,
      `${alias}.${time} < ${parameters.add(to, 'timestamptz')}`,
      ...(partner === undefined ? [] : [`${alias}.partner_id = ${partner}`]),
    ].join(' AND ');
  const firstDay = new Date(Math.ceil(range.from.getTime() / DAY_MS) * DAY_MS);
  const lastDay = new Date(Math.floor(range.to.getTime() / DAY_MS) * DAY_MS);
  const facts =
    firstDay < lastDay
      ? [
          ROWS(where('c', 'clicked_at', range.from, firstDay)),
          DAYS(where('d', 'day', firstDay, lastDay)),
          ROWS(where('c', 'clicked_at', lastDay, range.to)),
        ]
      : [ROWS(where('c', 'clicked_at', range.from, range.to))];
  return read(db, facts.join(' UNION ALL '), parameters);
}

async function read(db: Pick<ReadDatabase, 'query'>, facts: string, { values }: Parameters): Promise<string> {
  const [row] = await db.query<{ stats: string }>(STATS(facts), values);
  return row?.stats ?? 'null';
}
