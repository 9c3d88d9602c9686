import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import type { DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { judgeBooks } from '../platform/books.ts';
import { type DrillPlatform, startDrillPlatform } from '../platform/platform.ts';
import { describeRefusals, startTraffic, type Traffic } from '../platform/traffic.ts';

const KILLS = 50;
const MINUTES = 1;
const REQUESTS_PER_SECOND = 100;
const DRAINED_PER_SECOND = 500;
const LIFE_MS = { least: 50, step: 61, most: 500 };
const DRAIN_PATIENCE_MS = 60_000;

export const natsAwayDrill: DrillDeclaration = {
  name: 'nats-away',
  says: `NATS killed --kills ${KILLS} times, its store wiped, absent for --minutes ${MINUTES} (10 is the goal): every write answered 2xx, nothing lost, the backlog drained at 500 events/s`,
  options: { kills: KILLS, minutes: MINUTES },
  async run(context) {
    const platform = await startDrillPlatform(context);
    try {
      return await drill(platform);
    } finally {
      await platform.stop();
    }
  },
};

async function drill(platform: DrillPlatform): Promise<DrillResult> {
  const { context, servers } = platform;
  const { log, options } = context;
  const { nats } = servers;
  const traffic = startTraffic(platform, { perSecond: REQUESTS_PER_SECOND });
  await pause(2_000);
  await killAgainAndAgain(platform, options['kills'] ?? KILLS);
  say(platform, traffic, `killed ${options['kills'] ?? KILLS} times`);

  await nats.kill('SIGKILL');
  rmSync(nats.dataDir, { recursive: true, force: true });
  await nats.start();
  await pause(2_000);
  say(platform, traffic, 'its store wiped');

  await nats.stop();
  await pause((options['minutes'] ?? MINUTES) * 60_000);
  say(platform, traffic, `absent for ${options['minutes'] ?? MINUTES} min`);
  await traffic.stop();
  const backlog = await unsent(platform);
  await nats.start();
  const rate = await drainRate(platform, backlog);
  log(`${backlog} events waited; drained at ${rate.toFixed(0)}/s (goal ${DRAINED_PER_SECOND})`);
  const isWell = await judgeBooks(platform, traffic, { backlog });
  const isUnnoticed = traffic.refusals.size === 0;
  log(`answers other than 2xx, from first to last: ${describeRefusals(traffic)}`);
  return { passed: isWell && isUnnoticed && rate >= DRAINED_PER_SECOND };
}

async function killAgainAndAgain({ servers }: DrillPlatform, kills: number): Promise<void> {
  let life = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    life = (life + LIFE_MS.step) % (LIFE_MS.most - LIFE_MS.least);
    await pause(LIFE_MS.least + life);
    await servers.nats.kill('SIGKILL');
    await servers.nats.start();
  }
}

function say({ context }: DrillPlatform, { accepted, slowestMs }: Traffic, what: string): void {
  const { clicks, orders, adjustments } = accepted;
  const writes = clicks.size + orders.size + adjustments.size;
  context.log(`${what}: ${writes} writes accepted so far, the slowest after ${slowestMs.toFixed(0)} ms`);
}

async function unsent({ owner }: DrillPlatform): Promise<number> {
  const [row] = await owner.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM outbox_events WHERE sent_at IS NULL',
  );
  return row?.n ?? Number.NaN;
}

/** Events a second, from the first that is sent to the last. */
async function drainRate(platform: DrillPlatform, backlog: number): Promise<number> {
  const deadline = performance.now() + DRAIN_PATIENCE_MS;
  while ((await unsent(platform)) === backlog && performance.now() < deadline) await pause(10);
  const began = performance.now();
  while ((await unsent(platform)) > 0 && performance.now() < deadline) await pause(20);
  const left = await unsent(platform);
  return ((backlog - left) / (performance.now() - began)) * 1_000;
}
