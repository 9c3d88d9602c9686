import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';
import { findProgram, prometheusConfig } from '@tributary/monitoring';
import { z } from 'zod';

import { type MeasuredProcess, startMeasured } from '../processes.ts';
import type { DrillPlatform } from './platform.ts';

const alertsSchema = z.object({
  data: z.object({
    alerts: z.array(z.object({ state: z.string(), labels: z.record(z.string(), z.string()) })),
  }),
});

/** A Prometheus with the platform's own configuration and rules. */
export interface WatchingPrometheus {
  /** Names of the alerts that fire now. */
  firing(): Promise<Set<string>>;
  stop(): Promise<void>;
}

/** @throws with the name of the package when Prometheus is not on this machine */
export async function startPrometheus({ context, services }: DrillPlatform): Promise<WatchingPrometheus> {
  const program = findProgram(['prometheus']);
  const folder = join(context.folder, 'prometheus');
  mkdirSync(folder);
  const config = join(folder, 'prometheus.yml');
  const addresses = Object.fromEntries(services.map(({ name, url }) => [name, url]));
  // Nobody listens there: what fires is asked of Prometheus itself.
  writeFileSync(config, prometheusConfig(addresses, '127.0.0.1:9'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const running: MeasuredProcess = await startMeasured({
    name: 'Prometheus',
    command: [
      program,
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${new URL(url).host}`,
      '--log.level=error',
    ],
    url,
    readyUrl: `${url}/-/ready`,
  });
  return {
    async firing() {
      const answer: unknown = await (await fetch(`${url}/api/v1/alerts`)).json();
      const { alerts } = alertsSchema.parse(answer).data;
      return new Set(
        alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname'] ?? ''),
      );
    },
    stop: () => running.stop(),
  };
}
