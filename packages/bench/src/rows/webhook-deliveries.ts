import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import type { MeasuredProcess } from '../processes.ts';
import type { RowContext, RowDeclaration, Side } from '../row.ts';
import { startBullmq, type BullmqPeer } from '../webhooks/bullmq.ts';
import { addPartner, addPartners, startDispatcher } from '../webhooks/dispatcher.ts';
import { adjustmentOf, startEventFeed, type EventFeed } from '../webhooks/event-feed.ts';
import { feedAhead } from '../webhooks/feed-ahead.ts';
import { startReceiver, type Receiver } from '../webhooks/receiver.ts';
import { startNode } from '../webhooks/start-node.ts';
import { cpuPerOperation, startBenchServers, type BenchServers } from './bench-servers.ts';

/** At the default 100 a second each, more than this machine delivers. */
const PARTNERS = 200;

export const webhookDeliveriesRow: RowDeclaration = {
  name: 'webhook-deliveries',
  async open(context) {
    const servers = await startBenchServers(context);
    const receiver = await startReceiver(context.root);
    const feed = await startEventFeed(servers);
    const dispatcher = await startDispatcher(context.root, servers);
    const partners = await addPartners(PARTNERS, () =>
      addPartner(servers.owner, dispatcher, `${receiver.url}/ok`, { rateLimitPerSecond: 1_000 }),
    );
    const withFetch = await startBullmq(context, 'fetch');
    const withUndici = await startBullmq(context, 'undici');
    const alone = await startNode(context.root, 'packages/bench/src/peers/undici-alone.ts');
    return {
      name: 'webhook-deliveries',
      work: 'deliver signed webhooks to a receiver that answers at once, until all is written down',
      ours: ourSide({ context, servers, receiver, feed, dispatcher, partners }),
      peers: [
        { side: bullmqSide(withFetch, receiver, 'fetch'), goal: 5 },
        { side: bullmqSide(withUndici, receiver, 'undici'), goal: 1.5 },
        { side: undiciSide(alone, receiver), goal: 0.5 },
      ],
      async close() {
        await Promise.all([dispatcher.stop(), withFetch.stop(), withUndici.stop(), alone.stop()]);
        await Promise.all([feed.stop(), receiver.stop()]);
        await servers.stop();
      },
    };
  },
};

interface OurSide {
  readonly context: RowContext;
  readonly servers: BenchServers;
  readonly receiver: Receiver;
  readonly feed: EventFeed;
  readonly dispatcher: MeasuredProcess;
  readonly partners: readonly string[];
}

function ourSide({ servers, receiver, feed, dispatcher, partners }: OurSide): Side {
  let next = 0;
  let written = 0;
  const anEvent = () => adjustmentOf(partners[(next += 1) % partners.length] ?? '');
  return {
    name: 'webhook-dispatcher',
    configuration: `one process, defaults (256 in flight, 10 and 100/s per partner), ${PARTNERS} partners; events in JetStream, schedule and attempts in Postgres with fsync`,
    async measure(seconds) {
      const cpu = cpuPerOperation([dispatcher]);
      const began = performance.now();
      const { count } = await feedAhead({
        seconds,
        add: (portion) => feed.publish(Array.from({ length: portion }, anEvent)),
        done: async () => (await receiver.count()).distinct,
      });
      written += count;
      while ((await countDelivered(servers)) < written) await pause(5);
      return {
        perSecond: count / ((performance.now() - began) / 1_000),
        cpuMicroseconds: cpu(count),
      };
    },
  };
}

/** Rows that say that they were delivered. */
async function countDelivered({ owner }: BenchServers): Promise<number> {
  const [row] = await owner.query<{ delivered: number }>(
    `SELECT count(*)::int AS delivered FROM webhook_deliveries WHERE status = 'delivered'`,
  );
  return row?.delivered ?? 0;
}

function bullmqSide(peer: BullmqPeer, receiver: Receiver, client: string): Side {
  return {
    name: `BullMQ and ${client}`,
    configuration: `one worker process, concurrency 256, 3 attempts, own Redis without persistence, jobs added 250 at a time`,
    async measure(seconds) {
      const cpu = cpuPerOperation([peer.worker]);
      const { count, perSecond } = await feedAhead({
        seconds,
        add: (portion) => peer.add(`${receiver.url}/ok/bullmq`, portion),
        done: () => peer.completed(),
      });
      return { perSecond, cpuMicroseconds: cpu(count) };
    },
  };
}

const ranSchema = z.object({ delivered: z.int() });

function undiciSide(alone: MeasuredProcess, receiver: Receiver): Side {
  return {
    name: 'undici alone',
    configuration:
      'one process, request() 256 at a time with keep-alive, signing; nothing scheduled or stored',
    async measure(seconds) {
      const cpu = cpuPerOperation([alone]);
      const began = performance.now();
      const query = new URLSearchParams({ url: `${receiver.url}/ok/alone`, ms: String(seconds * 1_000) });
      const answer = await fetch(`${alone.url}/run?${query.toString()}`);
      const { delivered } = ranSchema.parse(await answer.json());
      return {
        perSecond: delivered / ((performance.now() - began) / 1_000),
        cpuMicroseconds: cpu(delivered),
      };
    },
  };
}
