import { setTimeout as pause } from 'node:timers/promises';

import type { DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { judgeBooks } from '../platform/books.ts';
import { type DrillPlatform, startDrillPlatform } from '../platform/platform.ts';
import { describeRefusals, startTraffic, type Traffic } from '../platform/traffic.ts';

const RESTARTS = 10;
const BACKENDS = 60;
const CLIENTS = 16;
const UNDISTURBED_S = 8;
/** Averaged over so many seconds, because single ones differ by a third on a shared machine. */
const WINDOW_S = 3;
const PART = 0.9;
const BACK_WITHIN_MS = 10_000;
const BETWEEN_BACKENDS_MS = 150;
/** A recovery is given this long before the next disturbance comes anyway. */
const PATIENCE_MS = 20_000;

export const postgresRestartsDrill: DrillDeclaration = {
  name: 'postgres-restarts',
  says: `--restarts ${RESTARTS} immediate restarts of Postgres and --backends ${BACKENDS} killed backends under load: nothing lost, no exception, no leaked connection, 90 % of the throughput within 10 s`,
  options: { restarts: RESTARTS, backends: BACKENDS },
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
  const { log, options } = platform.context;
  const restarts = options['restarts'] ?? RESTARTS;
  const traffic = startTraffic(platform, { clients: CLIENTS });
  // Everything is compiled and every pool is open before the rate counts.
  await pause((UNDISTURBED_S + 4) * 1_000);
  const usual = traffic.rateOver(UNDISTURBED_S);
  const connections = await connectionsOf(platform);
  log(`undisturbed: ${usual.toFixed(0)} requests/s, ${connections} connections`);
  const recoveries: number[] = [];
  for (let restart = 0; restart < restarts; restart += 1) {
    await platform.servers.postgres.kill('SIGQUIT');
    await platform.servers.postgres.start();
    recoveries.push(await untilRate(traffic, usual * PART));
  }
  log(
    `after ${restarts} immediate restarts, to 90 % of the throughput again: ${recoveries.map(seconds).join(', ')}`,
  );
  const killed = await killBackends(platform, options['backends'] ?? BACKENDS);
  const afterBackends = await untilRate(traffic, usual * PART);
  log(`after ${killed} killed backends: ${seconds(afterBackends)}`);
  const slowest = Math.max(afterBackends, ...recoveries);
  await traffic.stop();
  log(
    `refused and tried again: ${describeRefusals(traffic)}; the longest wait for a 2xx was ${seconds(traffic.slowestMs)}`,
  );
  const isWell = await judgeBooks(platform, traffic);
  const left = await connectionsOf(platform);
  log(`${left} connections, ${connections} before`);
  // A process opens no more than its pool; more than before would be one that nobody closes.
  return { passed: isWell && slowest <= BACK_WITHIN_MS && left <= connections };
}

/** How long it takes until the rate of the last seconds is at least this; from now. */
async function untilRate(traffic: Traffic, rate: number): Promise<number> {
  const began = performance.now();
  // The window must not hold seconds from before the disturbance.
  await pause(WINDOW_S * 1_000);
  while (traffic.rateOver(WINDOW_S) < rate && performance.now() - began < PATIENCE_MS) await pause(200);
  return performance.now() - began;
}

const SERVICES_BACKENDS = `
  FROM pg_stat_activity WHERE usename = 'tributary_service' AND datname = current_database()`;

async function connectionsOf({ owner }: DrillPlatform): Promise<number> {
  const [row] = await owner.query<{ n: number }>(`SELECT count(*)::int AS n ${SERVICES_BACKENDS}`);
  return row?.n ?? 0;
}

/** Ends connections in the middle of what they do. */
async function killBackends({ owner }: DrillPlatform, count: number): Promise<number> {
  let killed = 0;
  while (killed < count) {
    const rows = await owner.query<{ done: boolean }>(
      `SELECT pg_terminate_backend(pid) AS done ${SERVICES_BACKENDS} ORDER BY (state = 'active') DESC, random() LIMIT 1`,
    );
    killed += rows.filter(({ done }) => done).length;
    await pause(BETWEEN_BACKENDS_MS);
  }
  return killed;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
