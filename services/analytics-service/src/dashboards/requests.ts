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
  readonly range: Span;
  /** The range, up to the end of the hour where it is open: nothing is dated later than now, and rollups have the hour so far. */
  readonly reach: Span;
  readonly cover: Cover;
  readonly context: DashboardContext;
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

const upTo = (grainMs: number, moment: Date): Date =>
  new Date(Math.ceil(moment.getTime() / grainMs) * grainMs);

/** Thirty days back begin with a full hour, which rollups answer; clicks of a busy hour are many. */
function rangeOf(query: DashboardQuery, timeZone: string, now: Date): Span {
  const { from, to } = resolveDateRange(query, { timeZone, now });
  return {
    from: query.dateFrom === undefined ? new Date(from.getTime() - (from.getTime() % HOUR_MS)) : from,
    to,
  };
}

export async function resolveRequest(
  { db, clock }: DashboardDeps,
  identity: Pick<Identity, 'programId' | 'role' | 'partnerId'>,
  query: DashboardQuery,
): Promise<DashboardRequest> {
  const { programId } = identity;
  const context = await readContext(db, programId);
  // To the next full second, so that equal requests without dates share one computation, and nothing of now is missed.
  const now = upTo(SECOND_MS, clock());
  const range = rangeOf(query, context.timeZone, now);
  const reach = range.to < now ? range : { from: range.from, to: upTo(HOUR_MS, range.to) };
  const currency = query.currency ?? context.currency;
  const scope = { programId, currency, partnerId: ownPartnerOnly(identity) };
  return { scope, range, reach, cover: coverRange(reach), context };
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
export function seriesOf({ range, context }: DashboardRequest, interval: Interval): Date[] {
  const starts = bucketStarts(range, interval, { timeZone: context.timeZone, limit: MAX_POINTS });
  if (starts.length <= MAX_POINTS) return starts;
  throw validationError([
    { path: 'interval', message: `gives more than ${MAX_POINTS} points for this range: take a longer one` },
  ]);
}
