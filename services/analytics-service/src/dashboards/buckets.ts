import { startOfDay } from '@tributary/http-kit';
import type { Span } from '@tributary/rollups';

export const INTERVALS = ['hour', 'day', 'week', 'month'] as const;
export type Interval = (typeof INTERVALS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The first day is begun at its midnight, so that many hours may lie before the range; no day has more. */
const HOURS_BEFORE = 25;

/**
 * Where the buckets of a series begin, the first at or before `from`: calendar hours, days, weeks (from Monday) and months of
 * the time zone. A day of 23 or 25 hours has as many hour buckets. Stops after `limit` of them.
 */
export function bucketStarts({ from, to }: Span, interval: Interval, options: BucketOptions): Date[] {
  const { timeZone, limit } = options;
  const starts: Date[] = [];
  if (from.getTime() >= to.getTime()) return starts;
  for (
    let day = firstDay(localDay(from, timeZone), interval);
    starts.length <= limit + HOURS_BEFORE;
    day = step(day, interval)
  ) {
    const next = startOfDay(isoDay(step(day, interval)), timeZone);
    const start = startOfDay(isoDay(day), timeZone);
    if (start.getTime() >= to.getTime()) break;
    if (interval === 'hour') starts.push(...hoursBetween(start, next));
    else starts.push(start);
  }
  const inRange = starts.filter((start, index) => {
    const end = starts[index + 1];
    return start.getTime() < to.getTime() && (end === undefined || end.getTime() > from.getTime());
  });
  return inRange.slice(0, limit + 1);
}

export interface BucketOptions {
  readonly timeZone: string;
  /** One more is answered when there are more. */
  readonly limit: number;
}

function hoursBetween(start: Date, end: Date): Date[] {
  const hours: Date[] = [];
  for (let at = start.getTime(); at < end.getTime(); at += HOUR_MS) hours.push(new Date(at));
  return hours;
}

/** The calendar day of an instant in a time zone, as that day's midnight in UTC. */
function localDay(at: Date, timeZone: string): Date {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return new Date(`${format.format(at)}T00:00:00Z`);
}

function firstDay(day: Date, interval: Interval): Date {
  if (interval === 'month') return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1));
  if (interval === 'week') return new Date(day.getTime() - ((day.getUTCDay() + 6) % 7) * DAY_MS);
  return day;
}

/** The day on which the next bucket begins; for hours the next day. */
function step(day: Date, interval: Interval): Date {
  if (interval === 'month') return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1));
  return new Date(day.getTime() + (interval === 'week' ? 7 : 1) * DAY_MS);
}

const isoDay = (day: Date): string => day.toISOString().slice(0, 'YYYY-MM-DD'.length);
