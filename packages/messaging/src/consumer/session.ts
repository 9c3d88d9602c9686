import {
  ConsumerEvents,
  type ConsumerInfo,
  type ConsumerMessages,
  type JetStreamManager,
  type NatsConnection,
  type Subscription,
} from 'nats';

import { pause } from '../pause.ts';
import type { Intake } from './intake.ts';
import { API_TIMEOUT_MS, isNotFound, managerOf } from '../streams.ts';

/** Why a subscription came to its end. */
export type SessionEnd = 'stopped' | 'connection_lost' | 'consumer_gone' | 'heartbeats_missed' | 'stalled';

export interface SessionOptions {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly durable: string;
  /** Messages that may wait in this process; they age there, so few for slow work. */
  readonly maxMessages: number;
  readonly intake: Intake;
  /** Aborted when the consumer is to stop, or the connection it uses is gone for good. */
  readonly signal: AbortSignal;
}

const CHECK_EVERY_MS = 10_000;
/** Three looks without progress. */
const STALLED_AFTER_MS = 30_000;
const IDLE_HEARTBEAT_MS = 5_000;
const PULL_EXPIRES_MS = 30_000;
const MISSED_HEARTBEATS = 2;
/** A round trip; it never comes back while the server is away. */
const DRAIN_TIMEOUT_MS = 1_000;
const GONE = new Set<string>([
  ConsumerEvents.ConsumerDeleted,
  ConsumerEvents.ConsumerNotFound,
  ConsumerEvents.StreamNotFound,
]);

/**
 * Pulls messages into the intake until told to stop or until something is wrong with the consumer, and says what. The few
 * that it holds then are still worked on: given back by nak() they would meet a fault of servers before 2.10, which
 * lose sight of a redelivery until its ack wait when the only pull requests waiting are those of a subscription that is gone.
 */
export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  const { connection, stream, durable, intake, signal } = options;
  const consumer = await connection.jetstream({ timeout: API_TIMEOUT_MS }).consumers.get(stream, durable);
  const messages = await consumer.consume({
    max_messages: options.maxMessages,
    idle_heartbeat: IDLE_HEARTBEAT_MS,
    expires: PULL_EXPIRES_MS,
  });
  const ended = new AbortController();
  let reason: SessionEnd | undefined;
  const end = (why: SessionEnd): void => {
    if (reason !== undefined) return;
    reason = why;
    ended.abort();
    if (why === 'stopped') void finish(messages);
    // stop(), because close() waits for the loop below and would never return from inside it.
    else messages.stop();
  };
  const onAbort = (): void => end('stopped');
  signal.addEventListener('abort', onAbort);
  const watching = [
    watchStatus(messages, intake, end),
    watchProgress({ ...options, signal: ended.signal }, end),
    connection.closed().then(() => end('connection_lost')),
  ];
  try {
    if (signal.aborted) end('stopped');
    for await (const message of messages) await intake.take(message);
  } finally {
    end('connection_lost');
    signal.removeEventListener('abort', onAbort);
  }
  await Promise.all(watching.slice(0, 2));
  return reason ?? 'connection_lost';
}

/**
 * Ends the pulling without losing sight of what is on its way here: draining the subscription lets that arrive first, while
 * stop() alone leaves it to the ack wait. nats.js has the subscription but not in its types.
 */
async function finish(messages: ConsumerMessages): Promise<void> {
  const { sub } = messages as ConsumerMessages & { sub?: Subscription };
  const tooLong = new AbortController();
  const drained = Promise.resolve(sub?.drain()).catch(() => undefined);
  await Promise.race([drained, pause(DRAIN_TIMEOUT_MS, tooLong.signal)]);
  tooLong.abort();
  messages.stop();
}

async function watchStatus(
  messages: ConsumerMessages,
  intake: Intake,
  end: (reason: SessionEnd) => void,
): Promise<void> {
  for await (const status of await messages.status()) {
    if (GONE.has(status.type)) end('consumer_gone');
    // While work keeps the loop from pulling there is no pull for the server to keep alive: silence means nothing then.
    const silent =
      status.type === ConsumerEvents.HeartbeatsMissed && Number(status.data) >= MISSED_HEARTBEATS;
    if (silent && intake.size === 0) end('heartbeats_missed');
  }
}

/** Looks at the consumer from the server's side: a backlog that does not move for 30 s is a stall, whatever its cause. */
async function watchProgress(options: SessionOptions, end: (reason: SessionEnd) => void): Promise<void> {
  const { connection, stream, durable, intake, signal } = options;
  const jsm: JetStreamManager = await managerOf(connection);
  let seen = '';
  let since = performance.now();
  while (!signal.aborted) {
    await pause(CHECK_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      const info = await jsm.consumers.info(stream, durable);
      const state = progressOf(info);
      const idle = info.num_pending === 0 || intake.size > 0;
      if (idle || state !== seen) since = performance.now();
      seen = state;
      if (performance.now() - since >= STALLED_AFTER_MS) end('stalled');
    } catch (error) {
      if (isNotFound(error)) end('consumer_gone');
    }
  }
}

function progressOf({ delivered, ack_floor: floor, num_ack_pending: pending }: ConsumerInfo): string {
  return `${delivered.consumer_seq}/${floor.consumer_seq}/${pending}`;
}
