import { setTimeout as pause } from 'node:timers/promises';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { startBenchServers, type BenchServers } from '../rows/bench-servers.ts';
import { addPartner, addPartners, startDispatcher } from '../webhooks/dispatcher.ts';
import { adjustmentOf, atRate, startEventFeed, type EventFeed } from '../webhooks/event-feed.ts';
import { percentile } from '../webhooks/percentile.ts';
import { startReceiver, type Receiver } from '../webhooks/receiver.ts';

const KILLS = 20;
const EVENTS_PER_SECOND = 200;
const PARTNERS = 50;
const WITHIN_MS = 60_000;
/** Between two kills: long enough to start and get to work, different each time, so that a kill finds it anywhere. */
const LIFE_MS = { least: 400, step: 90 };

/** What the dispatcher works on, and its like as often as it is killed. */
interface Ground {
  readonly context: DrillContext;
  readonly servers: BenchServers;
  readonly receiver: Receiver;
  readonly feed: EventFeed;
  readonly partners: readonly string[];
}

export const webhookKillsDrill: DrillDeclaration = {
  name: 'webhook-kills',
  says: `${KILLS} kills of the dispatcher under ${EVENTS_PER_SECOND} events a second: none lost, each within 60 s of its kill`,
  async run(context) {
    const servers = await startBenchServers(context);
    const receiver = await startReceiver(context.root);
    const feed = await startEventFeed(servers);
    try {
      const registry = await startDispatcher(context.root, servers, { WORKERS: 'off' });
      const partners = await addPartners(PARTNERS, () =>
        addPartner(servers.owner, registry, `${receiver.url}/ok`),
      );
      await registry.stop();
      return await drill({ context, servers, receiver, feed, partners });
    } finally {
      await Promise.all([feed.stop(), receiver.stop()]);
      await servers.stop();
    }
  },
};

async function drill(ground: Ground): Promise<DrillResult> {
  const { context, servers, receiver, feed, partners } = ground;
  const published = new Map<string, number>();
  const over = new AbortController();
  const load = (async () => {
    while (!over.signal.aborted) {
      await atRate(EVENTS_PER_SECOND, 1, async (index) => {
        const event = adjustmentOf(partners[index % partners.length] ?? '');
        published.set(event.id, await feed.commit([event]));
      });
    }
  })();
  const lastKill = await killAgainAndAgain(ground);
  over.abort();
  await load;
  const survivor = await startDispatcher(context.root, servers);
  try {
    await receiver.untilReceived(published.size, WITHIN_MS).catch(() => undefined);
    return await judge(ground, published, lastKill);
  } finally {
    await survivor.stop();
  }
}

async function killAgainAndAgain({ context, servers }: Ground): Promise<number> {
  let killedAt = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const dispatcher = await startDispatcher(context.root, servers);
    await pause(LIFE_MS.least + kill * LIFE_MS.step);
    killedAt = performance.timeOrigin + performance.now();
    await dispatcher.kill();
  }
  return killedAt;
}

async function judge(
  { context, servers, receiver }: Ground,
  published: ReadonlyMap<string, number>,
  lastKill: number,
): Promise<DrillResult> {
  const arrivals = await receiver.arrivals();
  const { repeated } = await receiver.count();
  const delays = [...published].map(([id, at]) => (arrivals.get(id) ?? Infinity) - at);
  const lost = delays.filter((delay) => !Number.isFinite(delay)).length;
  const slowest = percentile(delays, 1);
  const afterLastKill = percentile([...arrivals.values()], 1) - lastKill;
  // A moment for the last results to be written.
  const unwritten = await untilWritten(servers, published.size);
  const { log } = context;
  log(`${published.size} events committed, ${arrivals.size} arrived, ${lost} lost, ${repeated} came twice`);
  log(
    `commit to arrival: p50 ${seconds(percentile(delays, 0.5))}, p99 ${seconds(percentile(delays, 0.99))}, slowest ${seconds(slowest)}`,
  );
  log(`all had arrived ${seconds(afterLastKill)} after the last kill; ${unwritten} not written as delivered`);
  return { passed: lost === 0 && slowest <= WITHIN_MS && unwritten === 0 };
}

async function untilWritten({ owner }: BenchServers, all: number): Promise<number> {
  const until = Date.now() + WITHIN_MS;
  for (;;) {
    const [row] = await owner.query<{ delivered: number }>(
      `SELECT count(*)::int AS delivered FROM webhook_deliveries WHERE status = 'delivered'`,
    );
    const unwritten = all - (row?.delivered ?? 0);
    if (unwritten === 0 || Date.now() > until) return unwritten;
    await pause(100);
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
