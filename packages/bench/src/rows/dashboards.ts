import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import { Agent, request } from 'undici';

import { openPast, type Past } from '../dashboards/past.ts';
import { BY_SQL, type Computation, type Range } from '../dashboards/raw-sql.ts';
import type { MeasuredProcess } from '../processes.ts';
import type { RowDeclaration, Side } from '../row.ts';
import { startNode } from '../webhooks/start-node.ts';
import { cpuPerOperation, IDENTITY_SECRET } from './bench-servers.ts';

const SERVICE = 'analytics-service';
const DAY_MS = 86_400_000;
const DAYS = 30;

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
              computation: nPlusOne,
              configuration: `queries for each entry in turn, prepared, no HTTP, ${oneByOne}`,
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

/** Without a broker: nothing changes while it is measured, and it answers all the same. */
function startAnalytics(root: string, { serviceUrl }: Past): Promise<MeasuredProcess> {
  return startNode(root, `services/${SERVICE}/src/server.ts`, {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    WORKERS: 'off',
    DATABASE_URL: serviceUrl,
    NATS_URL: 'nats://127.0.0.1:1',
    REDIS_URL: 'redis://127.0.0.1:1',
    IDENTITY_SECRET,
  });
}

function ourSide(service: MeasuredProcess, { end }: Past, dashboard: string): Side {
  const dispatcher = new Agent({ connections: 1 });
  const headers = { [IDENTITY_HEADER]: identityForBench() };
  const nextRange = rangesBefore(end);
  return {
    name: SERVICE,
    configuration:
      'over HTTP, one process, one request at a time, each another range, so that none is shared',
    async measure(seconds) {
      const cpu = cpuPerOperation([service]);
      const perSecond = await repeat(seconds, async () => {
        const { from, to } = nextRange();
        const query = `dateFrom=${from.toISOString()}&dateTo=${to.toISOString()}&currency=USD`;
        const answer = await request(`${service.url}/dashboard/${dashboard}?${query}`, {
          dispatcher,
          headers,
        });
        const body = await answer.body.text();
        if (answer.statusCode !== 200) throw new Error(`${dashboard} answered ${answer.statusCode}: ${body}`);
      });
      return { perSecond, cpuMicroseconds: cpu(perSecond * seconds) };
    },
  };
}

interface SqlSide {
  readonly name: string;
  readonly configuration: string;
  readonly computation: Computation;
}

function sqlSide({ owner, end }: Past, { name, configuration, computation }: SqlSide): Side {
  const nextRange = rangesBefore(end);
  return {
    name,
    configuration,
    measure: async (seconds) => ({
      perSecond: await repeat(seconds, async () => void (await computation(owner, nextRange()))),
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

/** Good for the whole run: a bench outlives the half minute that the gateway signs for. */
function identityForBench(): string {
  const identity = {
    kind: 'api_key' as const,
    id: 'bench',
    name: 'bench',
    scopes: ['analytics:read' as const],
    programId: 'default',
    ip: '127.0.0.1',
    userAgent: 'bench',
  };
  const key = deriveIdentityKey(IDENTITY_SECRET, SERVICE);
  return signIdentity(identity, { service: SERVICE, key }, Date.now() + 3_600_000);
}
