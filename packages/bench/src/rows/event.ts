import { setTimeout as pause } from 'node:timers/promises';

import { request } from 'undici';
import { z } from 'zod';

import { startCommissionFeed, type CommissionFeed } from '../changes/commission-feed.ts';
import { askerOf, startAnalytics } from '../dashboards/analytics.ts';
import type { Measurement, RowContext, RowDeclaration, Side } from '../row.ts';
import { atRate } from '../webhooks/event-feed.ts';
import { percentile } from '../webhooks/percentile.ts';
import { startNode } from '../webhooks/start-node.ts';
import { cpuPerOperation, startBenchServers } from './bench-servers.ts';

const DAY_MS = 86_400_000;
const OFFERED_PER_SECOND = 1_000;
/** Hot partners: 200 of them with so many commissions each in the hour that all changes are of. */
const BEFORE = 200 * 1_800;
/** Events on their way at once, as many as are offered in a few seconds. */
const BACKLOG = { ours: 5_000, peer: 500 };
const POLL_MS = 10;
const SEEN_WITHIN_MS = 120_000;

/** Something that shows how many commissions it has counted. */
interface Counting {
  readonly name: string;
  /** By which it knows the events that are meant for it. */
  readonly requestId: string;
  readonly configuration: string;
  cpuSeconds(): number;
  count(): Promise<number>;
}

/** How fast events become figures when many wait. */
export const eventThroughputRow: RowDeclaration = {
  name: 'event-throughput',
  async open(context) {
    const { feed, ours, peer, stop } = await open(context);
    return {
      name: 'event-throughput',
      work: 'from events in the broker to the figure that a dashboard shows, many waiting',
      ours: throughputSide(feed, ours, BACKLOG.ours),
      peers: [{ side: throughputSide(feed, peer, BACKLOG.peer), goal: 10 }],
      close: stop,
    };
  },
};

/** How old a figure is at 1,000 changes a second, on partners that have many in the hour. */
export const eventLatencyRow: RowDeclaration = {
  name: 'event-latency',
  async open(context) {
    const { feed, ours, peer, stop } = await open(context);
    await feed.haveBefore(BEFORE);
    return {
      name: 'event-latency',
      work: `from a change's commit to the figure that a dashboard shows, ${OFFERED_PER_SECOND} a second offered, ${BEFORE} commissions in the hour`,
      ours: latencySide(feed, ours),
      peers: [{ side: latencySide(feed, peer), goal: 1, latencyGoals: { p50: 1, p99: 0.1 } }],
      latencyLimitMs: { p99: 1_000 },
      close: stop,
    };
  },
};

async function open(context: RowContext) {
  const servers = await startBenchServers(context);
  const feed = await startCommissionFeed(servers);
  const { NATS_URL } = servers.environment;
  const workers = { WORKERS: 'on', NATS_URL: NATS_URL ?? '' };
  const service = await startAnalytics(context.root, servers, workers);
  const byEvent = await startNode(context.root, 'packages/bench/src/peers/event-by-event.ts', {
    ...servers.environment,
    DATABASE_URL: servers.ownerUrl,
  });
  const ask = askerOf(service.url);
  const ours: Counting = {
    name: 'analytics-service',
    requestId: 'bench',
    configuration: 'one process, defaults; the figure is read from the funnel over HTTP',
    cpuSeconds: () => service.cpuSeconds(),
    // To the end of tomorrow, so that the hour is whole and comes from the rollups.
    async count() {
      const to = new Date(Math.ceil(Date.now() / DAY_MS) * DAY_MS + DAY_MS);
      const body = await ask('funnel', { from: new Date(to.getTime() - 30 * DAY_MS), to });
      return funnelSchema.parse(JSON.parse(body)).data.totalCommissions;
    },
  };
  const peer: Counting = {
    name: 'a transaction per event',
    requestId: 'peer',
    configuration: 'one process, 8 at once: the event noted, three counters raised',
    cpuSeconds: () => byEvent.cpuSeconds(),
    async count() {
      const answer = await request(byEvent.url);
      return countedSchema.parse(await answer.body.json()).counted;
    },
  };
  const stop = async (): Promise<void> => {
    await Promise.all([service.stop(), byEvent.stop()]);
    await feed.stop();
    await servers.stop();
  };
  return { feed, ours, peer, stop };
}

const funnelSchema = z.object({ data: z.object({ totalCommissions: z.int() }) });
const countedSchema = z.object({ counted: z.int() });

/** While one is measured, the other must have come to rest. */
async function atRest(of: Counting): Promise<number> {
  let count = await of.count();
  for (let same = 0; same < 20;) {
    await pause(100);
    const now = await of.count();
    same = now === count ? same + 1 : 0;
    count = now;
  }
  return count;
}

async function untilCounted(of: Counting, expected: number): Promise<void> {
  const giveUpAt = performance.now() + SEEN_WITHIN_MS;
  while ((await of.count()) < expected) {
    if (performance.now() > giveUpAt) throw new Error(`${of.name} did not come to ${expected}`);
    await pause(POLL_MS);
  }
}

function throughputSide(feed: CommissionFeed, of: Counting, perSecond: number): Side {
  return {
    name: of.name,
    configuration: of.configuration,
    async measure(seconds) {
      // Before rows are stored: whoever still works at events of the other would count some of them already.
      const before = await atRest(of);
      const events = Array.from({ length: perSecond * seconds }, () => feed.next(of.requestId));
      for (let first = 0; first < events.length; first += 1_000)
        await feed.store(events.slice(first, first + 1_000));
      const cpu = cpuPerOperation([of]);
      const began = performance.now();
      const published = feed.publish(events);
      await untilCounted(of, before + events.length);
      const tookMs = performance.now() - began;
      await published;
      return { perSecond: (events.length * 1_000) / tookMs, cpuMicroseconds: cpu(events.length) };
    },
  };
}

function latencySide(feed: CommissionFeed, of: Counting): Side {
  return {
    name: of.name,
    configuration: of.configuration,
    async measure(seconds): Promise<Measurement> {
      const before = await atRest(of);
      const committed: number[] = [];
      const shown: number[] = [];
      const began = performance.now();
      const watching = watch(of, { before, expected: OFFERED_PER_SECOND * seconds, shown });
      await atRate(OFFERED_PER_SECOND, seconds, async () =>
        committed.push(await feed.commit([feed.next(of.requestId)])),
      );
      await watching;
      const perSecond = (committed.length * 1_000) / (performance.now() - began);
      const ordered = committed.toSorted((a, b) => a - b);
      // In the order of commits: when the figure had grown by n, the nth change was in it.
      const delays = ordered.map((at, index) => (shown[index] ?? Infinity) - at);
      return { perSecond, latencyMs: { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) } };
    },
  };
}

/** Notes when the figure had grown by one, by two, and so on. */
async function watch(
  of: Counting,
  { before, expected, shown }: { before: number; expected: number; shown: number[] },
): Promise<void> {
  const giveUpAt = performance.now() + SEEN_WITHIN_MS;
  while (shown.length < expected) {
    const grown = Math.min((await of.count()) - before, expected);
    const now = performance.now();
    while (shown.length < grown) shown.push(now);
    if (now > giveUpAt) throw new Error(`${of.name} showed ${shown.length} of ${expected} changes`);
    await pause(POLL_MS);
  }
}
