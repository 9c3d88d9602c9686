import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';
import { DEFAULT_PROGRAM } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import { offerLoad } from '../load.ts';
import { startMeasured, type MeasuredProcess } from '../processes.ts';
import type { Row, RowContext, RowDeclaration, Side } from '../row.ts';
import { findTool } from '../tools.ts';
import { cpuPerOperation, startBenchServers, type BenchServers } from './bench-servers.ts';

const CONNECTIONS = 32;
const PATH = '/api/v1/bench/ping';

/** nginx as people put it before a service: keep-alive to the upstream, access log off, one worker as ours is one process. */
const NGINX = (port: number, upstream: string, folder: string) => `
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  upstream trivial { server ${upstream}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://trivial; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}`;

export const gatewayHopRow: RowDeclaration = {
  name: 'gateway-hop',
  async open(context) {
    const nginxProgram = findTool('nginx');
    findTool('wrk');
    const servers = await startBenchServers(context);
    const upstreamPort = await freePort();
    const upstream = await startMeasured({
      name: 'trivial upstream',
      command: [process.execPath, join(import.meta.dirname, '../peers/trivial-upstream.ts')],
      env: { PORT: String(upstreamPort) },
      url: `http://127.0.0.1:${upstreamPort}`,
      readyUrl: `http://127.0.0.1:${upstreamPort}/bench/ping`,
    });
    const nginx = await startNginx(context, nginxProgram, upstreamPort);
    const { gateway, key } = await startGateway(context, servers, upstream.url);
    return {
      ...describe({ gateway, nginx, key }),
      async close() {
        await Promise.all([gateway.stop(), nginx.stop(), upstream.stop()]);
        await servers.stop();
      },
    };
  },
};

function describe(sides: {
  gateway: MeasuredProcess;
  nginx: MeasuredProcess;
  key: string;
}): Omit<Row, 'close'> {
  const headers = { authorization: `Bearer ${sides.key}` };
  const side = (process: MeasuredProcess, configuration: string): Side => ({
    name: process.name,
    configuration,
    async measure(seconds) {
      const cpu = cpuPerOperation([process]);
      const load = { url: process.url + PATH, connections: CONNECTIONS, seconds, headers };
      const { requestsPerSecond } = await offerLoad(load);
      return { perSecond: requestsPerSecond, cpuMicroseconds: cpu(requestsPerSecond * seconds) };
    },
  });
  const common = `wrk, 1 thread, ${CONNECTIONS} connections, the same trivial Node upstream`;
  return {
    name: 'gateway-hop',
    work: 'a request through the gateway to a trivial route',
    ours: side(sides.gateway, `one process: API key, rate limit, metrics, access log, proxy; ${common}`),
    peers: [
      {
        side: side(sides.nginx, `1 worker, plain reverse proxy with keep-alive, no log; ${common}`),
        goal: 0.4,
      },
    ],
  };
}

async function startNginx(
  { folder }: RowContext,
  program: string,
  upstreamPort: number,
): Promise<MeasuredProcess> {
  const port = await freePort();
  const own = join(folder, 'nginx');
  mkdirSync(own);
  const config = join(own, 'nginx.conf');
  writeFileSync(config, NGINX(port, `127.0.0.1:${upstreamPort}`, own));
  const url = `http://127.0.0.1:${port}`;
  // Without a master process, so that the measured process is the one that works.
  const command = [program, '-p', own, '-c', config, '-g', 'master_process off;'] as const;
  return startMeasured({ name: 'nginx', command: [...command], url, readyUrl: `${url}/bench/ping` });
}

async function startGateway(
  { root }: RowContext,
  servers: BenchServers,
  upstreamUrl: string,
): Promise<{ gateway: MeasuredProcess; key: string }> {
  const key = `tb_live_${randomBytes(32).toString('base64url')}`;
  await servers.owner.query(
    `INSERT INTO api_keys (id, program_id, name, prefix, key_hash, scopes) VALUES ($1, $2, 'bench', $3, $4, $5)`,
    [
      uuidv7(),
      DEFAULT_PROGRAM,
      key.slice(0, 12),
      createHash('sha256').update(key).digest('hex'),
      ['operations:read'],
    ],
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const gateway = await startMeasured({
    name: 'tributary gateway',
    command: [process.execPath, join(root, 'services/gateway/src/server.ts')],
    env: {
      ...servers.environment,
      PORT: String(port),
      JWT_SECRETS: 'bench:a signing secret of the bench alone 0123456789',
      UPSTREAMS: `bench-upstream=${upstreamUrl}`,
      RATE_LIMIT_API_KEY: '1000000000',
    },
    url,
    readyUrl: `${url}/health/ready`,
  });
  await untilRouted(url + PATH, key);
  return { gateway, key };
}

/** The gateway learns the upstream's routes a moment after it is ready. */
async function untilRouted(url: string, key: string): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  for (;;) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
    if (answer.ok) return;
    if (Date.now() > giveUpAt)
      throw new Error(`the gateway answers ${answer.status}: ${await answer.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
