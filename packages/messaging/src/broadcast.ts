import {
  parseEvent,
  STREAMS,
  type EventEnvelope,
  type EventType,
  type StreamName,
} from '@tributary/event-catalog';
import {
  AckPolicy,
  ConsumerEvents,
  DeliverPolicy,
  nanos,
  type ConsumerMessages,
  type JetStreamManager,
  type NatsConnection,
} from 'nats';

import type { Messaging } from './connection.ts';
import { pause } from './pause.ts';
import { API_TIMEOUT_MS, managerOf } from './streams.ts';

export interface BroadcastSettings<T extends EventType> {
  /** For the log. */
  readonly name: string;
  /** Default `CATALOG`. */
  readonly stream?: StreamName;
  readonly types: readonly T[];
  /** Called for each event of these types, in order, one at a time. What it throws is logged. */
  readonly onEvent: (event: EventEnvelope<T>) => void | Promise<void>;
  /**
   * Called when the subscription begins, and again after each interruption: events may have been missed, so whatever was
   * built from them must be forgotten or read anew.
   */
  readonly onReset: () => void | Promise<void>;
}

export interface Broadcast {
  /** Resolves when the subscription stands for the first time; stays pending while NATS is away. */
  readonly subscribed: Promise<void>;
  stop(): Promise<void>;
}

const RETRY_MS = 250;
/** The server forgets a subscription whose process has vanished. */
const INACTIVE_MS = 60_000;
const IDLE_HEARTBEAT_MS = 5_000;
const PULL_EXPIRES_MS = 30_000;
const MAX_MESSAGES = 100;

/**
 * Gives every process every event, from now on: for caches and revocations. Nothing is kept on the server; an interruption
 * is answered by `onReset` and not by catching up, because a cache that is emptied is right at once.
 */
export function subscribeBroadcast<const T extends EventType>(
  messaging: Messaging,
  settings: BroadcastSettings<T>,
): Broadcast {
  const stopping = new AbortController();
  const first = Promise.withResolvers<void>();
  const logger = messaging.logger.child({ broadcast: settings.name });

  async function guarded(action: () => void | Promise<void>): Promise<void> {
    try {
      await action();
    } catch (err) {
      logger.error({ err }, 'a broadcast event could not be used');
    }
  }

  async function session(): Promise<void> {
    const connection = await messaging.whenLive(stopping.signal);
    if (connection === undefined) return;
    const stream = messaging.names.stream(settings.stream ?? STREAMS.CATALOG.name);
    const interrupted = new AbortController();
    const unsubscribe = messaging.onChange(() => interrupted.abort());
    const jsm = await managerOf(connection);
    const ephemeral = await openEphemeral(connection, jsm, stream);
    try {
      await guarded(settings.onReset);
      first.resolve();
      const signal = AbortSignal.any([stopping.signal, interrupted.signal]);
      await readUntil(ephemeral.messages, signal, async (payload) => {
        const parsed = parseEvent(payload);
        if (parsed.outcome !== 'valid' || !isOneOf(parsed.event, settings.types)) return;
        const { event } = parsed;
        await guarded(() => settings.onEvent(event as EventEnvelope<T>));
      });
    } finally {
      unsubscribe();
      await jsm.consumers.delete(stream, ephemeral.name).catch(() => undefined);
    }
  }

  async function supervise(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await session();
      } catch (err) {
        logger.warn({ err }, 'the broadcast subscription failed; tried again');
      }
      await pause(RETRY_MS, stopping.signal);
    }
  }

  const running = supervise();
  return {
    subscribed: first.promise,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function isOneOf(event: EventEnvelope, types: readonly EventType[]): boolean {
  return types.includes(event.type);
}

async function openEphemeral(connection: NatsConnection, jsm: JetStreamManager, stream: string) {
  const { name } = await jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.New,
    inactive_threshold: nanos(INACTIVE_MS),
    mem_storage: true,
  });
  const consumer = await connection.jetstream({ timeout: API_TIMEOUT_MS }).consumers.get(stream, name);
  const messages = await consumer.consume({
    max_messages: MAX_MESSAGES,
    idle_heartbeat: IDLE_HEARTBEAT_MS,
    expires: PULL_EXPIRES_MS,
  });
  return { name, messages };
}

async function readUntil(
  messages: ConsumerMessages,
  signal: AbortSignal,
  use: (payload: unknown) => Promise<void>,
): Promise<void> {
  const stop = (): void => messages.stop();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const watching = stopWhenGone(messages);
  try {
    for await (const message of messages) {
      if (!signal.aborted) await use(payloadOf(message));
    }
  } finally {
    signal.removeEventListener('abort', stop);
    messages.stop();
    await watching;
  }
}

function payloadOf(message: { json(): unknown }): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}

async function stopWhenGone(messages: ConsumerMessages): Promise<void> {
  const gone = new Set<string>([
    ConsumerEvents.ConsumerDeleted,
    ConsumerEvents.ConsumerNotFound,
    ConsumerEvents.StreamNotFound,
    ConsumerEvents.HeartbeatsMissed,
  ]);
  for await (const status of await messages.status()) {
    if (gone.has(status.type)) messages.stop();
  }
}
