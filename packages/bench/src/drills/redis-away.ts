import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { ensureServerBinaries, freePort, startRedis, type ServerHandle } from '@tributary/local-servers';
import { DEFAULT_PROGRAM } from '@tributary/schema';
import { Agent, request } from 'undici';
import { uuidv7 } from 'uuidv7';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { startMeasured, type MeasuredProcess } from '../processes.ts';
import { type BenchServers, startBenchServers } from '../rows/bench-servers.ts';
import { percentile } from '../webhooks/percentile.ts';

const SECONDS = 3;
const CLIENTS = 8;
const WITHIN_MS = 200;
const PUBLIC_LIMIT = 50;
/** Leased in blocks, so that Redis is asked again and again while it is away. */
const KEY_LIMIT = 10_000_000;

interface Ground {
  readonly context: DrillContext;
  readonly gateway: MeasuredProcess;
  readonly key: string;
}

export const redisAwayDrill: DrillDeclaration = {
  name: 'redis-away',
  says: `Redis killed, emptied and frozen: no request fails or takes ${WITHIN_MS} ms longer, and limits hold per process`,
  async run(context) {
    const servers = await startBenchServers(context);
    const port = await freePort();
    const upstream = await startMeasured({
      name: 'trivial upstream',
      command: [process.execPath, join(import.meta.dirname, '../peers/trivial-upstream.ts')],
      env: { PORT: String(port) },
      url: `http://127.0.0.1:${port}`,
      readyUrl: `http://127.0.0.1:${port}/bench/ping`,
    });
    const redis = await startOwnRedis(context, await freePort());
    const gateway = await startGateway(context, { servers, redis, upstream });
    try {
      return await drill({ context, gateway, key: await addKey(servers) }, redis);
    } finally {
      await Promise.all([gateway.stop(), upstream.stop()]);
      await servers.stop();
    }
  },
};

async function startOwnRedis({ root, folder, log }: DrillContext, port: number): Promise<ServerHandle> {
  const binaries = await ensureServerBinaries({ home: join(root, '.tributary'), log });
  return startRedis({ binaries, dataDir: join(folder, 'redis-away'), port });
}

async function addKey({ owner }: BenchServers): Promise<string> {
  const key = `tb_live_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(key).digest('hex');
  await owner.query(
    `INSERT INTO api_keys (id, program_id, name, prefix, key_hash, scopes) VALUES ($1, $2, 'drill', $3, $4, $5)`,
    [uuidv7(), DEFAULT_PROGRAM, key.slice(0, 12), hash, ['operations:read']],
  );
  return key;
}

async function startGateway(
  { root }: DrillContext,
  behind: { servers: BenchServers; redis: ServerHandle; upstream: MeasuredProcess },
): Promise<MeasuredProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  return startMeasured({
    name: 'gateway',
    command: [process.execPath, join(root, 'services/gateway/src/server.ts')],
    env: {
      ...behind.servers.environment,
      REDIS_URL: behind.redis.url,
      PORT: String(port),
      JWT_SECRETS: 'drill:a signing secret of the drill alone 0123456789',
      UPSTREAMS: `bench-upstream=${behind.upstream.url}`,
      RATE_LIMIT_API_KEY: String(KEY_LIMIT),
      RATE_LIMIT_PUBLIC: String(PUBLIC_LIMIT),
    },
    url,
    readyUrl: `${url}/health/ready`,
  });
}

async function drill(ground: Ground, first: ServerHandle): Promise<DrillResult> {
  const { context } = ground;
  const verdicts: boolean[] = [];
  // What a busy machine does by itself is not laid at Redis' door.
  const undisturbed = await goOn(ground, 'undisturbed');
  verdicts.push(undisturbed.failed === 0);
  const phase = async (name: string) => {
    const { failed, slowestMs } = await goOn(ground, name);
    verdicts.push(failed === 0 && slowestMs <= undisturbed.slowestMs + WITHIN_MS);
  };
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  await phase('killed');
  const second = await startOwnRedis(context, first.port);
  try {
    await phase('back, and empty');
    process.kill(second.pid, 'SIGSTOP');
    await phase('frozen');
    verdicts.push(await limitHolds(ground));
    process.kill(second.pid, 'SIGCONT');
    await phase('thawed');
  } finally {
    process.kill(second.pid, 'SIGCONT');
    await second.stop();
  }
  return { passed: verdicts.every(Boolean) };
}

async function goOn({ context, gateway, key }: Ground, name: string) {
  const agent = new Agent({ connections: CLIENTS });
  const latencies: number[] = [];
  let failed = 0;
  const until = performance.now() + SECONDS * 1_000;
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      const startedAt = performance.now();
      const status = await ask(`${gateway.url}/api/v1/bench/ping`, agent, key);
      latencies.push(performance.now() - startedAt);
      if (status !== 200) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await agent.close();
  const p99 = percentile(latencies, 0.99);
  const slowestMs = percentile(latencies, 1);
  context.log(
    `${name}: ${latencies.length} requests, ${failed} failed, p99 ${p99.toFixed(1)} ms, slowest ${slowestMs.toFixed(0)} ms`,
  );
  return { failed, slowestMs };
}

/** Of strangers' requests exactly as many as one process may let through by itself. */
async function limitHolds({ context, gateway }: Ground): Promise<boolean> {
  const agent = new Agent({ connections: CLIENTS });
  let allowed = 0;
  for (let sent = 0; sent < PUBLIC_LIMIT * 2; sent += 1)
    if ((await ask(`${gateway.url}/api/v1/bench/ping`, agent)) !== 429) allowed += 1;
  await agent.close();
  context.log(
    `frozen: ${allowed} of ${PUBLIC_LIMIT * 2} requests without credentials came through (limit ${PUBLIC_LIMIT})`,
  );
  return allowed === PUBLIC_LIMIT;
}

async function ask(url: string, dispatcher: Agent, key?: string): Promise<number> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const { statusCode, body } = await request(url, { dispatcher, headers });
  await body.dump();
  return statusCode;
}
