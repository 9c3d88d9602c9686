import type { Latency, RowDeclaration, Side } from '../row.ts';
import { startBullmq, type BullmqPeer } from '../webhooks/bullmq.ts';
import { addPartner, addPartners, startDispatcher } from '../webhooks/dispatcher.ts';
import { adjustmentOf, atRate, startEventFeed, type EventFeed } from '../webhooks/event-feed.ts';
import { percentile } from '../webhooks/percentile.ts';
import { startReceiver, type Receiver } from '../webhooks/receiver.ts';
import { startBenchServers } from './bench-servers.ts';

const PARTNERS = 200;
const OFFERED_PER_SECOND = 500;
const ARRIVE_WITHIN_MS = 30_000;

export const webhookLatencyRow: RowDeclaration = {
  name: 'webhook-latency',
  async open(context) {
    const servers = await startBenchServers(context);
    const receiver = await startReceiver(context.root);
    const feed = await startEventFeed(servers);
    const dispatcher = await startDispatcher(context.root, servers);
    const partners = await addPartners(PARTNERS, () =>
      addPartner(servers.owner, dispatcher, `${receiver.url}/ok`),
    );
    const withFetch = await startBullmq(context, 'fetch');
    const withUndici = await startBullmq(context, 'undici');
    const latencyGoals = { p50: 0.25, p99: 0.1 };
    return {
      name: 'webhook-latency',
      work: `from an event's commit to its arrival, ${OFFERED_PER_SECOND} a second offered`,
      ours: ourSide(feed, receiver, partners),
      peers: [
        { side: bullmqSide(withFetch, receiver, 'fetch'), goal: 1, latencyGoals },
        { side: bullmqSide(withUndici, receiver, 'undici'), goal: 1, latencyGoals },
      ],
      async close() {
        await Promise.all([dispatcher.stop(), withFetch.stop(), withUndici.stop()]);
        await Promise.all([feed.stop(), receiver.stop()]);
        await servers.stop();
      },
    };
  },
};

function ourSide(feed: EventFeed, receiver: Receiver, partners: readonly string[]): Side {
  return {
    name: 'webhook-dispatcher',
    configuration: `one process, defaults, ${PARTNERS} partners; outbox row committed, then JetStream, then sent; the delivery row follows in Postgres with fsync`,
    measure: (seconds) =>
      offer(receiver, seconds, async (index) => {
        const event = adjustmentOf(partners[index % partners.length] ?? '');
        return { id: event.id, at: await feed.commit([event]) };
      }),
  };
}

function bullmqSide(peer: BullmqPeer, receiver: Receiver, client: string): Side {
  return {
    name: `BullMQ and ${client}`,
    configuration:
      'one worker process, concurrency 256, own Redis without persistence; the time starts when the job is added, no commit before it',
    measure: (seconds) =>
      offer(receiver, seconds, async () => {
        const at = performance.timeOrigin + performance.now();
        const [id = ''] = await peer.add(`${receiver.url}/ok/bullmq`, 1);
        return { id, at };
      }),
  };
}

/** Sends evenly and waits until all has arrived. */
async function offer(
  receiver: Receiver,
  seconds: number,
  send: (index: number) => Promise<{ id: string; at: number }>,
): Promise<{ perSecond: number; latencyMs: Latency }> {
  await receiver.arrivals();
  const before = (await receiver.count()).distinct;
  const sent: { id: string; at: number }[] = [];
  const began = performance.now();
  await atRate(OFFERED_PER_SECOND, seconds, async (index) => sent.push(await send(index)));
  await receiver.untilReceived(before + sent.length, ARRIVE_WITHIN_MS);
  const perSecond = sent.length / ((performance.now() - began) / 1_000);
  const arrivals = await receiver.arrivals();
  const delays = sent.map(({ id, at }) => (arrivals.get(id) ?? Infinity) - at);
  return { perSecond, latencyMs: { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) } };
}
