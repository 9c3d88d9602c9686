import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { offerLoad } from '../load.ts';
import type { MeasuredProcess } from '../processes.ts';
import type { Row, RowContext, RowDeclaration, Side } from '../row.ts';
import { findTool, run } from '../tools.ts';
import { startNode } from '../webhooks/start-node.ts';
import { startBenchGateway } from './bench-gateway.ts';
import { cpuPerOperation, startBenchServers, type BenchServers } from './bench-servers.ts';

const CONNECTIONS = 32;
const PGBENCH_CLIENTS = 8;
const COMMISSIONS = 200_000;
const PARTNERS = 200;
const LIMIT = 20;
const SINCE = '2020-01-01T00:00:00Z';
const LIST = '/api/v1/operations/commissions';

/** The number of a row as its id; partners and commissions alike. */
const idOf = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** Commission n is n seconds old and of partner n % PARTNERS + 1, with a decision as large as they are. */
const STATEMENTS = (newest: string) => [
  `INSERT INTO partners (id, name, email)
   SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Partner ' || n, 'partner' || n || '@example.com'
   FROM generate_series(1, ${PARTNERS}) n`,
  `INSERT INTO commissions (id, kind, partner_id, status, commission_amount, order_amount, basis_amount, basis_left, currency,
     order_id, referral_code, created_at, updated_at, metadata)
   SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bonus',
     ('00000000-0000-7000-8000-' || lpad((n % ${PARTNERS} + 1)::text, 12, '0'))::uuid, 'pending', 10, 100, 10, 100, 'USD',
     'ORDER-' || n, 'CODE-' || n % ${PARTNERS}, '${newest}'::timestamptz - n * interval '1 second', '${newest}',
     jsonb_build_object('decision', jsonb_build_object('summary', repeat('why and how much ', 30)))
   FROM generate_series(1, ${COMMISSIONS}) n`,
  'VACUUM ANALYZE commissions',
];

/** Rows that come after the first page of a random partner, with all that the list shows. */
const PGBENCH = (newest: string) => `
\\set n random(${PARTNERS * (LIMIT - 1) + 1}, ${PARTNERS * LIMIT})
SELECT c.id, c.kind, c.partner_id, c.product_id, c.policy_id, c.policy_version, c.policy_type, c.conversion_id,
  c.original_commission_id, c.clawed_back_amount, c.review_hold, c.payout_id, c.sub_id, c.order_id, c.referral_code, c.status,
  c.commission_amount, c.order_amount, c.commission_rate, c.currency, c.hold_until, c.payment_method, c.payment_reference,
  c.version, c.created_at, c.updated_at, c.confirmed_at, c.paid_at, c.cancelled_at, c.refunded_at, c.metadata - 'decision'
FROM commissions c
WHERE c.program_id = 'default'
  AND c.partner_id = ('00000000-0000-7000-8000-' || lpad((:n % ${PARTNERS} + 1)::text, 12, '0'))::uuid
  AND c.created_at >= '${SINCE}'
  AND (c.created_at, c.id) < ('${newest}'::timestamptz - :n * interval '1 second',
    ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid)
ORDER BY c.created_at DESC, c.id DESC LIMIT ${LIMIT};
`;

const WRK = (paths: readonly string[]) => `
local paths = { ${paths.map((path) => `'${path}'`).join(',\n')} }
math.randomseed(os.time())
request = function() return wrk.format('GET', paths[math.random(#paths)]) end
`;

export const listRow: RowDeclaration = {
  name: 'list',
  async open(context) {
    findTool('wrk');
    findTool('pgbench');
    const servers = await startBenchServers(context);
    const newest = new Date().toISOString();
    for (const statement of STATEMENTS(newest)) await servers.owner.query(statement);
    const { root } = context;
    const operations = await startNode(
      root,
      'services/operations-service/src/server.ts',
      servers.environment,
    );
    const upstreams = `operations-service=${operations.url}`;
    const { gateway, key } = await startBenchGateway(context, servers, { upstreams, path: LIST });
    const drizzle = await startNode(root, 'packages/bench/src/peers/drizzle-list.ts', servers.environment);
    const naive = await startNode(root, 'packages/bench/src/peers/naive-gateway.ts', {
      ...servers.environment,
      UPSTREAM: drizzle.url,
    });
    const headers = { authorization: `Bearer ${key}` };
    const ours = await nextPages(gateway.url, headers);
    return {
      name: 'list',
      work: `a page of ${LIMIT} commissions of a partner, read on by keyset, of ${COMMISSIONS.toLocaleString('en-GB')}`,
      ours: httpSide(context, {
        name: 'gateway and operations',
        configuration: 'our gateway before one operations-service, pool of 8, JSON built by Postgres',
        paths: ours,
        processes: [gateway, operations],
        headers,
      }),
      peers: [
        { side: pgbenchSide(servers, context, newest), goal: 0.5 },
        {
          side: httpSide(context, {
            name: 'Drizzle, naive gateway',
            configuration:
              'Redis asked for each request, streaming proxy, Fastify with Drizzle unprepared, pool of 8',
            paths: naivePages(newest),
            processes: [naive, drizzle],
            headers,
          }),
          goal: 6,
        },
      ],
      async close() {
        await Promise.all([gateway, operations, naive, drizzle].map((process) => process.stop()));
        await servers.stop();
      },
    } satisfies Row;
  },
};

const pageSchema = z.object({ meta: z.object({ nextCursor: z.string() }) });

/** The second page of every partner, by the cursor of its first. */
function nextPages(url: string, headers: Record<string, string>): Promise<string[]> {
  return Promise.all(
    Array.from({ length: PARTNERS }, async (_, index) => {
      const path = `${LIST}?partnerId=${idOf(index + 1)}&dateFrom=${SINCE}&limit=${LIMIT}`;
      const answer = await fetch(url + path, { headers });
      const { meta } = pageSchema.parse(await answer.json());
      return `${path}&cursor=${meta.nextCursor}`;
    }),
  );
}

/** The same rows by the naive service's own parameters. */
const naivePages = (newest: string): string[] =>
  Array.from({ length: PARTNERS }, (_, index) => {
    const last = PARTNERS * (LIMIT - 1) + 1 + index;
    const before = new Date(Date.parse(newest) - last * 1_000).toISOString();
    return `${LIST}?partnerId=${idOf((last % PARTNERS) + 1)}&dateFrom=${SINCE}&before=${before}&id=${idOf(last)}`;
  });

interface HttpSide {
  readonly name: string;
  readonly configuration: string;
  readonly paths: readonly string[];
  /** The one that is asked first. */
  readonly processes: readonly [MeasuredProcess, ...MeasuredProcess[]];
  readonly headers: Record<string, string>;
}

function httpSide({ folder }: RowContext, side: HttpSide): Side {
  const { name, processes, headers } = side;
  const script = join(folder, `${name.replaceAll(/\W+/g, '-')}.lua`);
  writeFileSync(script, WRK(side.paths));
  return {
    name,
    configuration: `${side.configuration}; wrk, 1 thread, ${CONNECTIONS} connections`,
    async measure(seconds) {
      const cpu = cpuPerOperation(processes);
      const load = { url: processes[0].url, connections: CONNECTIONS, seconds, headers, script };
      const { requestsPerSecond } = await offerLoad(load);
      return { perSecond: requestsPerSecond, cpuMicroseconds: cpu(requestsPerSecond * seconds) };
    },
  };
}

function pgbenchSide(servers: BenchServers, { folder }: RowContext, newest: string): Side {
  const script = join(folder, 'list.sql');
  writeFileSync(script, PGBENCH(newest));
  return {
    name: 'pgbench',
    configuration: `-M prepared, ${PGBENCH_CLIENTS} clients, 1 thread, the same keyset SQL, plain rows, no HTTP`,
    async measure(seconds) {
      const options = `-n -M prepared -c ${PGBENCH_CLIENTS} -j 1 -T ${seconds} -f`.split(' ');
      const output = await run(findTool('pgbench'), [...options, script, servers.ownerUrl]);
      return { perSecond: z.coerce.number().parse(/tps = ([\d.]+)/.exec(output)?.[1]) };
    },
  };
}
