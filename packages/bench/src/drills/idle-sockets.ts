import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from '@tributary/local-servers';
import { Agent, request } from 'undici';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { startMeasured, type MeasuredProcess } from '../processes.ts';
import { type BenchServers, startBenchServers } from '../rows/bench-servers.ts';
import { percentile } from '../webhooks/percentile.ts';

const SOCKETS = 10_000;
/** Opened together; the kernel's queue of connections that wait to be accepted is a few hundred long. */
const AT_ONCE = 200;
const REQUESTS = 500;
/** Ten seconds for a head, two between looks at who has had them, and some for a busy machine. */
const CUT_OFF_WITHIN_MS = 30_000;
const P99_LIMIT_MS = 250;

/** Half say nothing at all, half begin a request and never end it. */
export const idleSocketsDrill: DrillDeclaration = {
  name: 'idle-sockets',
  says: `${SOCKETS} sockets that say nothing or drip: the gateway answers everybody else, and cuts them off`,
  async run(context) {
    const servers = await startBenchServers(context);
    const gateway = await startGateway(context, servers);
    const sockets: Socket[] = [];
    try {
      return await drill(context, gateway, sockets);
    } finally {
      for (const socket of sockets) socket.destroy();
      await gateway.stop();
      await servers.stop();
    }
  },
};

async function startGateway({ root }: DrillContext, servers: BenchServers): Promise<MeasuredProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  return startMeasured({
    name: 'gateway',
    command: [process.execPath, join(root, 'services/gateway/src/server.ts')],
    env: {
      ...servers.environment,
      PORT: String(port),
      JWT_SECRETS: 'drill:a signing secret of the drill alone 0123456789',
      // Nobody listens there; the gateway answers by itself what is asked here.
      UPSTREAMS: 'nobody=http://127.0.0.1:9',
    },
    url,
    readyUrl: `${url}/health/ready`,
  });
}

async function drill(
  { log }: DrillContext,
  gateway: MeasuredProcess,
  sockets: Socket[],
): Promise<DrillResult> {
  log(`undisturbed: p99 ${await p99Of(gateway.url)} ms`);
  const held = { open: 0 };
  const port = Number(new URL(gateway.url).port);
  while (sockets.length < SOCKETS) {
    const group = Array.from({ length: AT_ONCE }, (_, at) =>
      holdOpen(port, at % 2 === 0, () => (held.open -= 1)),
    );
    sockets.push(...(await Promise.all(group)));
    held.open += group.length;
  }
  const p99 = await p99Of(gateway.url);
  log(`with ${held.open} sockets held open: p99 ${p99} ms (limit ${P99_LIMIT_MS})`);
  const giveUpAt = Date.now() + CUT_OFF_WITHIN_MS;
  while (held.open > 0 && Date.now() < giveUpAt) await pause(200);
  log(`${SOCKETS - held.open} of ${SOCKETS} were cut off`);
  return { passed: p99 <= P99_LIMIT_MS && held.open === 0 };
}

function holdOpen(port: number, isDripping: boolean, onClose: () => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (isDripping) socket.write('GET /health/live HTTP/1.1\r\nhost: gateway\r\nx-drip: ');
      socket.off('error', reject).on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject).once('close', onClose).resume();
  });
}

/** @throws when a request is not answered 200 */
async function p99Of(url: string): Promise<number> {
  const agent = new Agent({ connections: 8 });
  const latencies: number[] = [];
  for (let n = 0; n < REQUESTS; n += 1) {
    const startedAt = performance.now();
    const { statusCode, body } = await request(`${url}/health/live`, { dispatcher: agent });
    await body.dump();
    if (statusCode !== 200) throw new Error(`/health/live answered ${statusCode}`);
    latencies.push(performance.now() - startedAt);
  }
  await agent.close();
  return Math.round(percentile(latencies, 0.99) * 10) / 10;
}
