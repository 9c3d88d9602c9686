import {
  currencyCode,
  dateRangeQuery,
  ownPartnerOnly,
  resolveDateRange,
  validationError,
} from '@tributary/http-kit';
import type { Identity } from '@tributary/http-kit';
import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { z } from 'zod';
import { coverRange } from '@tributary/rollups';
import type { Cover, Scope, Span } from '@tributary/rollups';
import { bucketStarts, INTERVALS } from './buckets.ts';
import type { Interval } from './buckets.ts';
import { readContext } from './dashboard-context.ts';
import type { DashboardContext } from './dashboard-context.ts';
import { drilldownSchema } from './drilldown.ts';
import type { Drilldown } from './drilldown.ts';
import { periodOf, periodSchema } from './kpi.ts';
import type { SharedComputations } from './shared-computations.ts';

/** What the dashboards work with. */
export interface DashboardDeps {
  readonly db: Pick<Database, 'query'>;
  readonly clock: Clock;
  readonly shared: SharedComputations;
  /** REPORTING_TZ: holds where the setting was never made. */
  readonly reportingTimeZone: string;
}

export const dashboardQuery = { ...dateRangeQuery(), currency: currencyCode.optional() };
export const intervalQuery = { interval: z.enum(INTERVALS).default('day') };

export const metaFields = {
  period: periodSchema,
  currency: z.string(),
  /** Every change committed before this moment is in the figures; null before the first projector ran. */
  asOf: z.iso.datetime().nullable(),
  /** Whether an equal request of the last second was answered with the same. */
  cached: z.boolean(),
  drilldown: drilldownSchema,
};

export const metaSchema = z.object(metaFields);

interface DashboardQuery {
  readonly dateFrom?: string | undefined;
  readonly dateTo?: string | undefined;
  readonly currency?: string | undefined;
}

/** A request, resolved: whose figures, of when. */
export interface DashboardRequest {
  readonly scope: Scope;
  /** What figures and the lists behind them are of. */
  readonly range: Span;
  readonly cover: Cover;
  /** Where the last point of a series has begun. */
  readonly seriesEnd: Date;
  readonly context: DashboardContext;
}

const HOUR_MS = 3_600_000;

const hourOf = (moment: Date): number => Math.floor(moment.getTime() / HOUR_MS) * HOUR_MS;

/**
 * A range that nobody ended ends with the present hour, of which rollups have what was so far, however busy it is; what is dated
 * later than now, as by a shop whose clock is ahead, is then in the lists as well. Thirty days back begin with a full hour.
 */
function rangeOf(query: DashboardQuery, timeZone: string, now: Date): Span {
  const { from, to } = resolveDateRange(query, { timeZone, now });
  return {
    from: query.dateFrom === undefined ? new Date(hourOf(from)) : from,
    to: query.dateTo === undefined ? new Date(hourOf(now) + HOUR_MS) : to,
  };
}

export async function resolveRequest(
  { db, clock, reportingTimeZone }: DashboardDeps,
  identity: Pick<Identity, 'programId' | 'role' | 'partnerId'>,
  query: DashboardQuery,
): Promise<DashboardRequest> {
  const { programId } = identity;
  const context = await readContext(db, programId, reportingTimeZone);
  const now = clock();
  const range = rangeOf(query, context.timeZone, now);
  const currency = query.currency ?? context.currency;
  const scope = { programId, currency, partnerId: ownPartnerOnly(identity) };
  const seriesEnd = query.dateTo === undefined ? now : range.to;
  return { scope, range, cover: coverRange(range), seriesEnd, context };
}

interface Dashboard<Data> {
  /** Which dashboard, with whatever else its result hangs on. */
  readonly name: string;
  readonly drilldown: (scope: Scope, range: Span) => Drilldown;
  readonly compute: () => Promise<Data>;
}

/** The answer to a request, shared with equal ones. */
export async function answer<Data>(
  { shared }: DashboardDeps,
  { scope, range, context }: DashboardRequest,
  { name, drilldown, compute }: Dashboard<Data>,
) {
  const { programId, currency, partnerId = '' } = scope;
  const key = [
    name,
    programId,
    partnerId,
    currency,
    range.from.getTime(),
    range.to.getTime(),
    context.timeZone,
  ];
  const { value, cached } = await shared.share(key.join(' '), context.version, async () => ({
    data: await compute(),
    asOf: context.asOf?.toISOString() ?? null,
  }));
  return {
    success: true as const,
    data: value.data,
    meta: { period: periodOf(range), currency, asOf: value.asOf, cached, drilldown: drilldown(scope, range) },
  };
}

const MAX_POINTS = 5_000;

/** @throws 400 when the series would be longer than anybody can look at */
export function seriesOf({ range, seriesEnd, context }: DashboardRequest, interval: Interval): Date[] {
  const series = { from: range.from, to: seriesEnd };
  const starts = bucketStarts(series, interval, { timeZone: context.timeZone, limit: MAX_POINTS });
  if (starts.length <= MAX_POINTS) return starts;
  throw validationError([
    { path: 'interval', message: `gives more than ${MAX_POINTS} points for this range: take a longer one` },
  ]);
}
