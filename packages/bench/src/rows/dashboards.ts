import { ANALYTICS, startAnalytics, type AnalyticsUnderMeasurement } from '../dashboards/analytics.ts';
import { openPast, type Past } from '../dashboards/past.ts';
import { BY_SQL, type Computation, type Range } from '../dashboards/raw-sql.ts';
import type { RowDeclaration, Side } from '../row.ts';
import { cpuPerOperation } from './bench-servers.ts';

const DAY_MS = 86_400_000;
const DAYS = 30;
/** Queries for each of a thousand partners take half a minute: a quick run asks for some of them. */
const QUICK_NTH = 20;

/** Thirty days that end on some millisecond of the past's last day: no two alike, and neither bound on an hour. */
function rangesBefore(end: Date): () => Range {
  let drawn = 0;
  return () => {
    drawn += 1;
    const to = new Date(end.getTime() - ((drawn * 7_654_321) % DAY_MS));
    return { from: new Date(to.getTime() - DAYS * DAY_MS), to };
  };
}

/** What a dashboard should be faster than its raw SQL, and than the way of a query for each entry. */
const GOALS: Readonly<Record<string, number>> = {
  funnel: 25,
  'policy-performance': 15,
  'partner-tiers': 15,
};

/** One row per dashboard, as each has its own limits. They share a filled database. */
export const dashboardRows: readonly RowDeclaration[] = Object.entries(BY_SQL).map(
  ([dashboard, { raw, nPlusOne }]) => ({
    name: `dashboards-${dashboard}`,
    async open(context) {
      const past = await openPast(context);
      const service = await startAnalytics(context.root, past);
      const goal = GOALS[dashboard] ?? 1;
      const everyNth = context.quick === true ? QUICK_NTH : 1;
      const sampled = everyNth === 1 ? '' : ` (every ${everyNth}th of them, times ${everyNth})`;
      const oneByOne = 'one at a time, each another range';
      return {
        name: `dashboards-${dashboard}`,
        work: `the dashboard ${dashboard} over ${DAYS} days, of ${past.size}`,
        ours: ourSide(service, past, dashboard),
        peers: [
          {
            side: sqlSide(past, {
              name: 'raw SQL',
              computation: raw,
              configuration: `one statement, prepared, no HTTP, ${oneByOne}`,
            }),
            goal,
          },
          {
            side: sqlSide(past, {
              name: 'N+1',
              computation: (db, range) => nPlusOne(db, range, everyNth),
              everyNth,
              configuration: `queries for each entry in turn${sampled}, prepared, no HTTP, ${oneByOne}`,
            }),
            goal,
          },
        ],
        async close() {
          await service.stop();
          await past.stop();
        },
      };
    },
  }),
);

function ourSide(service: AnalyticsUnderMeasurement, { end }: Past, dashboard: string): Side {
  const nextRange = rangesBefore(end);
  return {
    name: ANALYTICS,
    configuration:
      'over HTTP, one process, one request at a time, each another range, so that none is shared',
    async measure(seconds) {
      const cpu = cpuPerOperation([service]);
      const perSecond = await repeat(seconds, async () => void (await service.ask(dashboard, nextRange())));
      return { perSecond, cpuMicroseconds: cpu(perSecond * seconds) };
    },
  };
}

interface SqlSide {
  readonly name: string;
  readonly configuration: string;
  readonly computation: Computation;
  /** It did so small a part of the work. */
  readonly everyNth?: number;
}

function sqlSide({ owner, end }: Past, { name, configuration, computation, everyNth = 1 }: SqlSide): Side {
  const nextRange = rangesBefore(end);
  return {
    name,
    configuration,
    measure: async (seconds) => ({
      perSecond: (await repeat(seconds, async () => void (await computation(owner, nextRange())))) / everyNth,
    }),
  };
}

/** How often a second something can be done, one after the other; at least once, however long that takes. */
async function repeat(seconds: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  let done = 0;
  let tookMs = 0;
  do {
    await work();
    done += 1;
    tookMs = performance.now() - began;
  } while (tookMs < seconds * 1_000);
  return (done * 1_000) / tookMs;
}
