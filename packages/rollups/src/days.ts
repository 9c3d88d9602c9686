import type { Database } from '@tributary/schema';

export const DAY_MS = 24 * 3_600_000;

/** The days (UTC) that lie at least partly between two moments. */
export interface DayRange {
  readonly programId: string;
  readonly from: Date;
  readonly to: Date;
}

/** The beginnings of the days (UTC) that a range touches. */
export function daysOf({ from, to }: Pick<DayRange, 'from' | 'to'>): Date[] {
  const days: Date[] = [];
  for (let day = startOfUtcDay(from); day < to; day = new Date(day.getTime() + DAY_MS)) days.push(day);
  return days;
}

export function startOfUtcDay(at: Date): Date {
  return new Date(Math.floor(at.getTime() / DAY_MS) * DAY_MS);
}

// Each by the first entry of an index, or of a table of few rows.
const FIRST = `
  SELECT least(
    (SELECT min(converted_at) FROM conversion_events WHERE program_id = $1),
    (SELECT min(created_at) FROM commissions WHERE program_id = $1),
    (SELECT min(clicked_at) FROM referral_clicks WHERE program_id = $1),
    (SELECT min(hour) FROM rollup_program_hours WHERE program_id = $1),
    (SELECT min(day) FROM rollup_click_days WHERE program_id = $1)) AS first`;

/** The earliest moment that a rollup of a programme could be of; undefined while there is nothing. */
export async function findFirstMoment(
  db: Pick<Database, 'query'>,
  programId: string,
): Promise<Date | undefined> {
  const [row] = await db.query<{ first: Date | null }>(FIRST, [programId]);
  return row?.first ?? undefined;
}
