import { setTimeout as pause } from 'node:timers/promises';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { judgeBooks } from '../platform/books.ts';
import { type DrillPlatform, startDrillPlatform } from '../platform/platform.ts';
import { describeRefusals, startTraffic } from '../platform/traffic.ts';
import { percentile } from '../webhooks/percentile.ts';

const KILLS = 20;
const REQUESTS_PER_SECOND = 200;
const READY_WITHIN_MS = 10_000;
/** How long a process lives between two kills; different each time, so that a kill finds it anywhere. */
const LIFE_MS = { least: 100, step: 37, most: 700 };

export const killEachProcessDrill: DrillDeclaration = {
  name: 'kill-each-process',
  says: `each process killed (-9) --kills ${KILLS} times under ${REQUESTS_PER_SECOND} requests/s: nothing lost, nothing twice, ready within 10 s`,
  options: { kills: KILLS },
  async run(context) {
    const platform = await startDrillPlatform(context);
    try {
      return await drill(platform, context);
    } finally {
      await platform.stop();
    }
  },
};

async function drill(platform: DrillPlatform, { log, options }: DrillContext): Promise<DrillResult> {
  const kills = options['kills'] ?? KILLS;
  const traffic = startTraffic(platform, { perSecond: REQUESTS_PER_SECOND });
  await pause(2_000);
  let isReadyInTime = true;
  let life = 0;
  for (const service of platform.services) {
    const ready: number[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      life = (life + LIFE_MS.step) % (LIFE_MS.most - LIFE_MS.least);
      if (service.name === 'batch-scheduler') await queueConfirmation(platform);
      await pause(LIFE_MS.least + life);
      await service.kill();
      ready.push(await service.start());
    }
    const slowest = percentile(ready, 1);
    log(
      `${service.name}: killed ${kills} times, ready after ${(percentile(ready, 0.5) / 1_000).toFixed(2)} s, at most ${(slowest / 1_000).toFixed(2)} s`,
    );
    if (slowest > READY_WITHIN_MS) isReadyInTime = false;
  }
  await queueConfirmation(platform);
  await pause(1_000);
  await traffic.stop();
  log(
    `refused and tried again: ${describeRefusals(traffic)}; the longest wait for a 2xx was ${(traffic.slowestMs / 1_000).toFixed(1)} s`,
  );
  await confirmedAll(platform);
  const isWell = await judgeBooks(platform, traffic);
  return { passed: isWell && isReadyInTime };
}

/** So that the scheduler has something to be interrupted in. */
async function queueConfirmation({ ensembles, apiKey }: DrillPlatform): Promise<void> {
  const url = `${ensembles[0].gateway.url}/api/v1/operations/jobs/confirm-due-commissions/run`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: '{}',
  });
  if (!answer.ok) throw new Error(`the job was refused: ${await answer.text()}`);
  await answer.arrayBuffer();
}

/** Every job that was queued ends, whoever was killed over it. */
async function confirmedAll({ owner, context }: DrillPlatform): Promise<void> {
  const began = performance.now();
  for (;;) {
    const jobs = await owner.query<{ status: string; n: number }>(
      `SELECT status, count(*)::int AS n FROM jobs WHERE name = 'confirm-due-commissions' GROUP BY status`,
    );
    const open = jobs.filter(({ status }) => status === 'queued' || status === 'running');
    if (open.length === 0) {
      context.log(`jobs: ${jobs.map(({ status, n }) => `${n} ${status}`).join(', ')}`);
      return;
    }
    if (performance.now() - began > 60_000)
      throw new Error(`jobs do not end: ${open.map(({ status, n }) => `${n} ${status}`).join(', ')}`);
    await pause(200);
  }
}
