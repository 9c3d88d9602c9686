import { z } from 'zod';
import { validationError } from './errors.ts';
import { startOfDay } from './start-of-day.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const DEFAULT_DAYS = 30;

/** Nothing happened before; Postgres and JavaScript disagree about years far outside. */
const EARLIEST = Date.UTC(1970, 0, 1) - DAY_MS;

const dateOrDateTime = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'must be an ISO date (2026-01-31) or a date-time with Z or an offset',
  })
  .refine((text) => Number(text.slice(0, 4)) >= 1970, 'must not be before 1970');

/** `dateFrom` (inclusive) and `dateTo` (exclusive), to be spread into a strict query object. */
export function dateRangeQuery() {
  return { dateFrom: dateOrDateTime.optional(), dateTo: dateOrDateTime.optional() };
}

/**
 * The same query, which also names a reversed range beside whatever else is wrong in it. A date and a date-time are compared by
 * `resolveDateRange`, which knows the time zone.
 */
export function withOrderedDates<Query extends z.ZodObject>(query: Query): Query {
  return query.superRefine(
    ({ dateFrom, dateTo }: Readonly<Record<string, unknown>>, context) => {
      const isNamed = context.issues.some(({ path }) => path?.[0] === 'dateFrom' || path?.[0] === 'dateTo');
      if (isNamed || typeof dateFrom !== 'string' || typeof dateTo !== 'string') return;
      if (isBare(dateFrom) === isBare(dateTo) && Date.parse(dateFrom) > Date.parse(dateTo))
        context.addIssue({ code: 'custom', path: ['dateFrom'], message: REVERSED });
    },
    { when: ({ value }) => typeof value === 'object' && value !== null },
  );
}

const REVERSED = 'must not be after dateTo';

const isBare = (text: string): boolean => text.length === 'YYYY-MM-DD'.length;

export interface DateRange {
  readonly from: Date;
  readonly to: Date;
}

export interface DateRangeOptions {
  /** IANA name of the reporting time zone: where bare dates begin. */
  readonly timeZone: string;
  readonly now: Date;
}

/**
 * The instants that a range means; the 30 days before now (or before `dateTo`) where it is left open.
 * @throws 400 when it is reversed
 */
export function resolveDateRange(
  query: { readonly dateFrom?: string | undefined; readonly dateTo?: string | undefined },
  { timeZone, now }: DateRangeOptions,
): DateRange {
  const to = query.dateTo === undefined ? now : instant(query.dateTo, timeZone);
  const from =
    query.dateFrom === undefined
      ? new Date(to.getTime() - DEFAULT_DAYS * DAY_MS)
      : instant(query.dateFrom, timeZone);
  if (from.getTime() > to.getTime()) {
    throw validationError([{ path: 'dateFrom', message: REVERSED }]);
  }
  return { from: new Date(Math.max(from.getTime(), EARLIEST)), to };
}

function instant(text: string, timeZone: string): Date {
  return isBare(text) ? startOfDay(text, timeZone) : new Date(text);
}
