import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';

import { offerLoad } from '../load.ts';
import type { MeasuredProcess } from '../processes.ts';
import type { RowDeclaration, Side } from '../row.ts';
import { findTool } from '../tools.ts';
import { startNode } from '../webhooks/start-node.ts';
import { cpuPerOperation, IDENTITY_SECRET, startBenchServers } from './bench-servers.ts';

const SERVICE = 'tracking-service';
const CONNECTIONS = 64;
const PARTNERS = 1_000;

const PREPARE = [
  `INSERT INTO partners (id, name, email)
   SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Partner ' || n, 'partner' || n || '@example.com'
   FROM generate_series(1, ${PARTNERS}) n`,
  `INSERT INTO referral_codes (id, partner_id, code, is_default)
   SELECT uuidv7(), ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'BENCH' || n, true
   FROM generate_series(1, ${PARTNERS}) n`,
  'ANALYZE',
];

/** Each click is another visitor's: all of them are looked for among the earlier ones, and stored as valid. */
const WRK = (identity: string) => `
wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
wrk.headers['${IDENTITY_HEADER}'] = '${identity}'
math.randomseed(os.time())
local run = math.random(1, 1000000000)
local n = 0
request = function()
  n = n + 1
  local body = string.format('{"referralCode": "bench%d", "sessionId": "visitor-%d-%d", "source": "web", "landingUrl": "https://shop.example.com/lamps/%d"}',
    math.random(1, ${PARTNERS}), run, n, n % 500)
  return wrk.format(nil, '/tracking/click', nil, body)
end
`;

async function prepareCodes(owner: Database): Promise<void> {
  for (const statement of PREPARE) await owner.query(statement);
}

/** A click, committed when it is answered: against the same endpoint that stores nothing, and an ORM's way. */
export const clickRow: RowDeclaration = {
  name: 'click',
  async open(context) {
    findTool('wrk');
    const servers = await startBenchServers(context);
    await prepareCodes(servers.owner);
    const script = join(context.folder, 'click.lua');
    writeFileSync(script, WRK(publicIdentity()));
    const environment = { ...servers.environment, HASH_PEPPER: 'a pepper of the bench alone 0123456789' };
    const start = (path: string) => startNode(context.root, path, environment);
    const ours = await start(`services/${SERVICE}/src/server.ts`);
    const floor = await start('packages/bench/src/peers/click-floor.ts');
    const orm = await start('packages/bench/src/peers/drizzle-click.ts');
    const side = (process: MeasuredProcess, name: string, configuration: string): Side => ({
      name,
      configuration: `over HTTP, one process, ${configuration}; wrk, 1 thread, ${CONNECTIONS} connections`,
      async measure(seconds) {
        const cpu = cpuPerOperation([process]);
        const load = { url: process.url, connections: CONNECTIONS, seconds, script };
        const { requestsPerSecond } = await offerLoad(load);
        return { perSecond: requestsPerSecond, cpuMicroseconds: cpu(requestsPerSecond * seconds) };
      },
    });
    return {
      name: 'click',
      work: 'record a click: looked up, judged, counted, committed in Postgres when answered',
      ours: side(ours, SERVICE, 'clicks of concurrent requests in one statement, fsync on, events to NATS'),
      peers: [
        {
          side: side(floor, 'the same, storing nothing', 'identity, validation, log and metrics'),
          goal: 0.3,
        },
        { side: side(orm, 'Drizzle', 'look-up of code and visitor, insert; Fastify, pool of 8'), goal: 6 },
      ],
      async close() {
        await Promise.all([ours.stop(), floor.stop(), orm.stop()]);
        await servers.stop();
      },
    };
  },
};

/** As the gateway signs it for somebody without a token, good for the whole run. */
function publicIdentity(): string {
  return signIdentity(
    {
      kind: 'public',
      id: 'public',
      name: 'public',
      scopes: [],
      programId: 'default',
      ip: '203.0.113.7',
      userAgent:
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36',
    },
    { service: SERVICE, key: deriveIdentityKey(IDENTITY_SECRET, SERVICE) },
    Date.now() + 3_600_000,
  );
}
