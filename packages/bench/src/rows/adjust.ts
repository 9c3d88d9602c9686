import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import { z } from 'zod';

import { offerLoad } from '../load.ts';
import type { MeasuredProcess } from '../processes.ts';
import type { Row, RowContext, RowDeclaration, Side } from '../row.ts';
import { findTool, run } from '../tools.ts';
import { startNode } from '../webhooks/start-node.ts';
import { BENCH_COMMISSIONS, prepareCommissions } from './bench-commissions.ts';
import { cpuPerOperation, IDENTITY_SECRET, startBenchServers, type BenchServers } from './bench-servers.ts';

const CONNECTIONS = 32;
const PGBENCH_CLIENTS = 8;
const SERVICE = 'operations-service';

/**
 * The same writes as a transaction of prepared statements: nothing of ours, and no HTTP. Events of peers are born sent, or
 * our service would send them, seconds later and during somebody's turn.
 */
const PGBENCH = `
\\set n random(1, ${BENCH_COMMISSIONS})
\\set cents random(100, 1000000)
BEGIN;
UPDATE commissions SET commission_amount = :cents / 100.0, basis_amount = :cents / 100.0, version = version + 1, updated_at = now()
  WHERE program_id = 'default' AND id = ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid
  RETURNING version, partner_id \\gset
INSERT INTO commission_entries (commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after,
    status_before, status_after, reason, actor, at)
  VALUES (('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid, :version, :partner_id::uuid, 'earning', 'USD',
    'adjusted', 1, :cents / 100.0, 'pending', 'pending', 'bench', 'bench', now());
INSERT INTO audit_logs (id, entity_type, entity_id, action, actor, changes, reason)
  VALUES (uuidv7(), 'commission', '00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'), 'adjusted', 'bench',
    '[{"field": "commissionAmount", "oldValue": 1, "newValue": 2}]', 'bench');
INSERT INTO outbox_events (id, type, subject, actor, data, occurred_at, sent_at)
  VALUES (uuidv7(), 'commission.adjusted', '{"commissionId": "x"}', '{"kind": "system", "id": null, "name": "bench"}',
    '{"before": {"status": "pending", "commissionAmount": 1}, "after": {"status": "pending", "commissionAmount": 2}}', now(), now());
COMMIT;
`;

/** Each request adjusts another commission to another amount. */
const WRK = (identity: string) => `
wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
wrk.headers['${IDENTITY_HEADER}'] = '${identity}'
math.randomseed(os.time())
request = function()
  local id = string.format('00000000-0000-7000-8000-%012d', math.random(1, ${BENCH_COMMISSIONS}))
  local body = string.format('{"newAmount": %d.%02d, "reason": "bench"}', math.random(1, 9999), math.random(0, 99))
  return wrk.format(nil, '/operations/commissions/' .. id .. '/adjust', nil, body)
end
`;

export const adjustRow: RowDeclaration = {
  name: 'adjust',
  async open(context) {
    findTool('wrk');
    findTool('pgbench');
    const servers = await startBenchServers(context);
    await prepareCommissions(servers.owner);
    const script = join(context.folder, 'adjust.lua');
    writeFileSync(script, WRK(identityForBench()));
    const { root } = context;
    const ours = await startNode(root, `services/${SERVICE}/src/server.ts`, servers.environment);
    const drizzle = await startNode(root, 'packages/bench/src/peers/drizzle-adjust.ts', servers.environment);
    return {
      ...describe(servers, context, { ours, drizzle, script }),
      async close() {
        await Promise.all([ours.stop(), drizzle.stop()]);
        await servers.stop();
      },
    };
  },
};

function describe(
  servers: BenchServers,
  context: RowContext,
  sides: { ours: MeasuredProcess; drizzle: MeasuredProcess; script: string },
): Omit<Row, 'close'> {
  const load = `wrk, 1 thread, ${CONNECTIONS} connections`;
  const overHttp = (process: MeasuredProcess, name: string, configuration: string): Side => ({
    name,
    configuration,
    async measure(seconds) {
      const cpu = cpuPerOperation([process]);
      const { requestsPerSecond } = await offerLoad({
        url: process.url,
        connections: CONNECTIONS,
        seconds,
        script: sides.script,
      });
      return { perSecond: requestsPerSecond, cpuMicroseconds: cpu(requestsPerSecond * seconds) };
    },
  });
  return {
    name: 'adjust',
    work: 'adjust a commission: row, entry, audit row and event, durable when answered',
    ours: overHttp(
      sides.ours,
      SERVICE,
      `over HTTP, one process, concurrent commands in one statement, pool of 8; events sent to NATS and marked; ${load}`,
    ),
    peers: [
      { side: pgbenchSide(servers, context), goal: 1.5 },
      {
        side: overHttp(
          sides.drizzle,
          'Drizzle transaction',
          `over HTTP, Fastify, one process, pool of 8; ${load}`,
        ),
        goal: 9,
      },
    ],
  };
}

function pgbenchSide(servers: BenchServers, { folder }: RowContext): Side {
  const script = join(folder, 'adjust.sql');
  writeFileSync(script, PGBENCH);
  return {
    name: 'pgbench transaction',
    configuration: `-M prepared, ${PGBENCH_CLIENTS} clients, 1 thread, the same four writes in one transaction, no HTTP`,
    async measure(seconds) {
      const options = `-n -M prepared -c ${PGBENCH_CLIENTS} -j 1 -T ${seconds} -f`.split(' ');
      const output = await run(findTool('pgbench'), [...options, script, servers.ownerUrl]);
      return { perSecond: z.coerce.number().parse(/tps = ([\d.]+)/.exec(output)?.[1]) };
    },
  };
}

/** Good for the whole run: a bench outlives the half minute that the gateway signs for. */
function identityForBench(): string {
  const inAnHour = Date.now() + 3_600_000;
  return signIdentity(
    {
      kind: 'api_key',
      id: 'bench',
      name: 'bench',
      scopes: ['operations:write'],
      programId: 'default',
      ip: '127.0.0.1',
      userAgent: 'wrk',
    },
    { service: SERVICE, key: deriveIdentityKey(IDENTITY_SECRET, SERVICE) },
    inAnHour,
  );
}
