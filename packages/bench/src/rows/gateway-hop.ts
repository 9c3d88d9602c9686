import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';

import { offerLoad } from '../load.ts';
import { startMeasured, type MeasuredProcess } from '../processes.ts';
import type { Row, RowContext, RowDeclaration, Side } from '../row.ts';
import { findTool } from '../tools.ts';
import { startNode } from '../webhooks/start-node.ts';
import { startBenchGateway } from './bench-gateway.ts';
import { cpuPerOperation, startBenchServers } from './bench-servers.ts';

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
    const { gateway, key } = await startBenchGateway(context, servers, {
      upstreams: `bench-upstream=${upstream.url}`,
      path: PATH,
    });
    const naive = await startNode(context.root, 'packages/bench/src/peers/naive-gateway.ts', {
      ...servers.environment,
      UPSTREAM: upstream.url,
    });
    return {
      ...describe({ gateway, nginx, naive, key }),
      async close() {
        await Promise.all([gateway, nginx, naive, upstream].map((process) => process.stop()));
        await servers.stop();
      },
    };
  },
};

function describe(sides: {
  gateway: MeasuredProcess;
  nginx: MeasuredProcess;
  naive: MeasuredProcess;
  key: string;
}): Omit<Row, 'close'> {
  const headers = { authorization: `Bearer ${sides.key}` };
  const side = (process: MeasuredProcess, name: string, configuration: string): Side => ({
    name,
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
    ours: side(
      sides.gateway,
      'tributary gateway',
      `one process: API key, rate limit, metrics, access log, proxy; ${common}`,
    ),
    peers: [
      {
        side: side(sides.nginx, 'nginx', `1 worker, plain reverse proxy with keep-alive, no log; ${common}`),
        goal: 0.4,
      },
      {
        side: side(
          sides.naive,
          'naive gateway',
          `Redis asked for each request, streaming proxy, Fastify with its own log; ${common}`,
        ),
        goal: 3,
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
