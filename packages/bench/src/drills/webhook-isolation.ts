import { setTimeout as pause } from 'node:timers/promises';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import type { MeasuredProcess } from '../processes.ts';
import { startBenchServers, type BenchServers } from '../rows/bench-servers.ts';
import { addPartner, addPartners, startDispatcher } from '../webhooks/dispatcher.ts';
import { adjustmentOf, atRate, startEventFeed, type EventFeed } from '../webhooks/event-feed.ts';
import { percentile } from '../webhooks/percentile.ts';
import { startReceiver, type Receiver } from '../webhooks/receiver.ts';

const OTHERS = 50;
const EVENTS_PER_SECOND = 200;
const PENDING = 10_000;
const DRIPPERS = 200;
const SECONDS = 10;
const ROUNDS = 3;
const GOAL = 2;
/** Events a second for the drippers together, all the while: each is asked again before its last attempt has ended. */
const DRIPPER_EVENTS_PER_SECOND = 40;

interface Ground {
  readonly context: DrillContext;
  readonly servers: BenchServers;
  readonly receiver: Receiver;
  readonly feed: EventFeed;
  readonly dispatcher: MeasuredProcess;
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export const webhookIsolationDrill: DrillDeclaration = {
  name: 'webhook-isolation',
  says: `${PENDING} pending for a receiver that hangs and ${DRIPPERS} that drip: other partners' p99 within twice the undisturbed`,
  async run(context) {
    const servers = await startBenchServers(context);
    const receiver = await startReceiver(context.root);
    const feed = await startEventFeed(servers);
    const dispatcher = await startDispatcher(context.root, servers);
    try {
      return await drill({ context, servers, receiver, feed, dispatcher });
    } finally {
      await dispatcher.stop();
      await Promise.all([feed.stop(), receiver.stop()]);
      await servers.stop();
    }
  },
};

async function drill(ground: Ground): Promise<DrillResult> {
  const { context, servers, receiver, dispatcher } = ground;
  const add = (kind: string) => addPartner(servers.owner, dispatcher, `${receiver.url}/${kind}`);
  const others = await addPartners(OTHERS, () => add('ok'));
  const drippers = await addPartners(DRIPPERS, () => add('drip'));
  const [hanging = ''] = await addPartners(1, () => add('hang'));
  await measure(ground, others, 3);
  // Before and after the disturbance begins; the machine's own noise falls on both alike, and medians take it out.
  const undisturbed = await measureRounds(ground, others, 'undisturbed');
  await disturb(ground, hanging, drippers);
  const stop = new AbortController();
  const dripping = keepDripping(ground, drippers, stop.signal);
  const disturbed = await measureRounds(ground, others, 'disturbed');
  stop.abort();
  await dripping;
  const ratio = disturbed.p99 / undisturbed.p99;
  context.log(`pending for the hanging receiver: ${await pendingOf(servers, hanging)}`);
  context.log(`p50 ${ms(undisturbed.p50)} -> ${ms(disturbed.p50)}`);
  context.log(
    `p99 ${ms(undisturbed.p99)} -> ${ms(disturbed.p99)}: ${ratio.toFixed(2)} x (goal: ${GOAL} x at most)`,
  );
  return { passed: ratio <= GOAL };
}

/** Ten thousand deliveries for the one that hangs, and a first one for each that drips. */
async function disturb(
  { feed, servers }: Ground,
  hanging: string,
  drippers: readonly string[],
): Promise<void> {
  for (let sent = 0; sent < PENDING; sent += 250)
    await feed.publish(Array.from({ length: 250 }, () => adjustmentOf(hanging)));
  await feed.publish(drippers.map(adjustmentOf));
  const until = Date.now() + 60_000;
  while ((await pendingOf(servers, hanging)) < PENDING && Date.now() < until) await pause(100);
}

async function keepDripping(
  { feed }: Ground,
  drippers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  while (!signal.aborted) {
    await atRate(DRIPPER_EVENTS_PER_SECOND, 1, async () => {
      next += 1;
      await feed.publish([adjustmentOf(drippers[next % drippers.length] ?? '')]);
    });
  }
}

async function pendingOf({ owner }: BenchServers, partnerId: string): Promise<number> {
  const [row] = await owner.query<{ pending: number }>(
    `SELECT count(*)::int AS pending FROM webhook_deliveries WHERE partner_id = $1 AND status = 'pending'`,
    [partnerId],
  );
  return row?.pending ?? 0;
}

async function measureRounds(ground: Ground, others: readonly string[], name: string): Promise<Latency> {
  const rounds: Latency[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const latency = await measure(ground, others, SECONDS);
    ground.context.log(`${name}: p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}`);
    rounds.push(latency);
  }
  return {
    p50: percentile(
      rounds.map(({ p50 }) => p50),
      0.5,
    ),
    p99: percentile(
      rounds.map(({ p99 }) => p99),
      0.5,
    ),
  };
}

/** From commit to arrival, for partners whose receivers are well. */
async function measure(
  { feed, receiver }: Ground,
  others: readonly string[],
  forSeconds: number,
): Promise<Latency> {
  await receiver.arrivals();
  const before = (await receiver.count()).distinct;
  const committed = new Map<string, number>();
  await atRate(EVENTS_PER_SECOND, forSeconds, async (index) => {
    const event = adjustmentOf(others[index % others.length] ?? '');
    committed.set(event.id, await feed.commit([event]));
  });
  await receiver.untilReceived(before + committed.size, 30_000);
  const arrivals = await receiver.arrivals();
  const delays = [...committed].map(([id, at]) => (arrivals.get(id) ?? Infinity) - at);
  return { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) };
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;
