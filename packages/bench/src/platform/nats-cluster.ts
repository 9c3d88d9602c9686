import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ensureServerBinaries, freePort } from '@tributary/local-servers';

import type { DrillContext } from '../drill-declaration.ts';
import { type MeasuredProcess, startMeasured } from '../processes.ts';

/** A node of a NATS cluster, with its own store. */
export interface ClusterNode {
  readonly name: string;
  /** kill -9, and gone when this resolves. */
  kill(): Promise<void>;
  /** Starts it again; resolves once it has caught up with the others. */
  start(): Promise<void>;
}

export interface NatsCluster {
  /** Every node, as `NATS_URL` lists them. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  stop(): Promise<void>;
}

const NODES = 3;

interface Place {
  readonly name: string;
  readonly port: number;
  readonly http: number;
  readonly route: number;
}

/** As `infra/nats/nats.conf`, but for addresses and for the disk, which is not waited for at every message. */
function configOf(place: Place, all: readonly Place[], folder: string): string {
  const routes = all.map(({ route }) => `nats://127.0.0.1:${route}`).join(', ');
  return `server_name: ${place.name}
listen: 127.0.0.1:${place.port}
http: 127.0.0.1:${place.http}
jetstream { store_dir: "${join(folder, place.name)}" }
cluster { name: drill, listen: 127.0.0.1:${place.route}, routes: [${routes}] }
`;
}

/** Three nodes on this machine, that have found each other. */
export async function startNatsCluster({ folder, root, log }: DrillContext): Promise<NatsCluster> {
  const binaries = await ensureServerBinaries({ home: join(root, '.tributary'), log });
  const store = join(folder, 'nats-cluster');
  mkdirSync(store);
  const places: Place[] = [];
  for (let at = 1; at <= NODES; at += 1)
    places.push({
      name: `nats-${at}`,
      port: await freePort(),
      http: await freePort(),
      route: await freePort(),
    });
  const launch = (place: Place): Promise<MeasuredProcess> => {
    const config = join(store, `${place.name}.conf`);
    writeFileSync(config, configOf(place, places, store));
    return startMeasured({
      name: place.name,
      command: [binaries.nats, '--config', config],
      env: { ...binaries.env },
      url: `nats://127.0.0.1:${place.port}`,
      // Healthy is who has a leader and has caught up with every stream and consumer.
      readyUrl: `http://127.0.0.1:${place.http}/healthz`,
    });
  };
  const running = await Promise.all(places.map(launch));
  const nodes = places.map((place, at) => ({
    name: place.name,
    kill: async () => running[at]?.kill(),
    start: async () => {
      running[at] = await launch(place);
    },
  }));
  return {
    url: places.map(({ port }) => `nats://127.0.0.1:${port}`).join(','),
    nodes,
    stop: async () => void (await Promise.all(running.map((node) => node.stop()))),
  };
}
