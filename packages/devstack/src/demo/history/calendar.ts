import type { Random } from '../random.ts';

/** Length of the history, in days. */
export const DAYS = 60;

const MS_PER_DAY = 86_400_000;
const MS_PER_HOUR = 3_600_000;

/** Sunday first: outdoor shops are read on workdays and bought from at weekends. */
const WEEKDAY_WEIGHTS = [1.45, 0.9, 0.8, 0.85, 0.95, 1.05, 1.4] as const;
/** By hour (UTC), with a peak after lunch and a higher one in the evening; nothing after 22:00, so that the last day is over by then. */
const HOUR_WEIGHTS = [1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 9, 11, 10, 9, 8, 8, 9, 11, 13, 12, 8] as const;
/** How much more happens on the last day than on the first. */
const GROWTH = 0.5;

/** Midnight (UTC) that begins the sixty days which end yesterday evening. */
export function firstDayBefore(now: Date): Date {
  return new Date(Math.floor(now.getTime() / MS_PER_DAY - DAYS) * MS_PER_DAY);
}

/** The moment so many days and hours after the first midnight. */
export function momentOf(firstDay: Date, day: number, hours = 0): Date {
  return new Date(firstDay.getTime() + day * MS_PER_DAY + Math.round(hours * MS_PER_HOUR));
}

export function dayOf(firstDay: Date, at: Date): number {
  return Math.floor((at.getTime() - firstDay.getTime()) / MS_PER_DAY);
}

export const hoursBefore = (at: Date, hours: number): Date =>
  new Date(at.getTime() - Math.round(hours * MS_PER_HOUR));

/** A likely moment of one of these days: more at weekends, in the evening, and towards the end. */
export function likelyMoment(
  random: Random,
  firstDay: Date,
  { from = 0, to = DAYS - 1 }: { from?: number | undefined; to?: number | undefined } = {},
): Date {
  const days = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const weights = days.map((day) => {
    const weekday = momentOf(firstDay, day).getUTCDay();
    return (WEEKDAY_WEIGHTS[weekday] ?? 1) * (1 + (GROWTH * day) / DAYS);
  });
  const day = random.weighted(days, weights);
  const hours = HOUR_WEIGHTS.map((_, index) => index);
  return momentOf(firstDay, day, random.weighted(hours, HOUR_WEIGHTS) + random.next());
}

/** A likely time of a given day within office hours, when operators and shops act. */
export function officeHour(random: Random, firstDay: Date, day: number): Date {
  return momentOf(firstDay, day, random.int(8, 16) + random.next());
}
