import { setTimeout as pause } from 'node:timers/promises';

import type { DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { judgeBooks } from '../platform/books.ts';
import { type NatsCluster, startNatsCluster } from '../platform/nats-cluster.ts';
import { type DrillPlatform, startDrillPlatform, UPSTREAM_NAMES } from '../platform/platform.ts';
import { describeRefusals, startTraffic } from '../platform/traffic.ts';

const ROUNDS = 2;
const REQUESTS_PER_SECOND = 100;
const DEAD_MS = 2_000;
/** A gateway that dies takes with it what it had under way; the client asks the other one. */
const LONGEST_WAIT_MS = 10_000;

export const natsClusterDrill: DrillDeclaration = {
  name: 'nats-cluster',
  says: 'three NATS nodes and two of each service, every one killed in turn, --rounds 2: nothing lost, nothing twice, nobody waits 10 s',
  options: { rounds: ROUNDS },
  async run(context) {
    const cluster = await startNatsCluster(context);
    const platform = await startDrillPlatform(context, {
      copies: 2,
      environment: { NATS_URL: cluster.url, NATS_REPLICAS: '3' },
    });
    try {
      return await drill(platform, cluster);
    } finally {
      await platform.stop();
      await cluster.stop();
    }
  },
};

async function drill(platform: DrillPlatform, cluster: NatsCluster): Promise<DrillResult> {
  const { log, options } = platform.context;
  await spreadOverBoth(platform);
  const traffic = startTraffic(platform, { perSecond: REQUESTS_PER_SECOND });
  await pause(2_000);
  for (let round = 1; round <= (options['rounds'] ?? ROUNDS); round += 1) {
    for (const node of cluster.nodes) {
      await node.kill();
      await pause(DEAD_MS);
      const began = performance.now();
      await node.start();
      log(`${node.name} killed, back and caught up after ${seconds(performance.now() - began)}`);
    }
    for (const service of platform.services) {
      await service.kill();
      await pause(DEAD_MS / 4);
      await service.start();
    }
    log(`round ${round}: ${platform.services.length} processes of services killed one after another`);
  }
  await pause(1_000);
  await traffic.stop();
  log(
    `tried again: ${describeRefusals(traffic)}; the longest wait for a 2xx was ${seconds(traffic.slowestMs)}`,
  );
  const isWell = await judgeBooks(platform, traffic);
  return { passed: isWell && traffic.slowestMs < LONGEST_WAIT_MS };
}

/** Both gateways send half of each service's requests to each of its two processes. */
async function spreadOverBoth({ owner, ensembles }: DrillPlatform): Promise<void> {
  const [first, second = first] = ensembles;
  for (const name of UPSTREAM_NAMES)
    await owner.query(
      `INSERT INTO routing_weights (service, release, url, weight) VALUES ($1, 'stable', $2, 50), ($1, 'canary', $3, 50)`,
      [name, first.upstreams[name].url, second.upstreams[name].url],
    );
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
