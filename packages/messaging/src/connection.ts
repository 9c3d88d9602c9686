import type { Logger, Metrics } from '@tributary/runtime';
import { connect, Events, type NatsConnection, type QueuedIterator, type Status } from 'nats';

import { createLiveness, type Liveness } from './liveness.ts';
import { messagingMetrics, type MessagingMetrics } from './metrics.ts';
import { namesIn, type Names } from './names.ts';
import { atMostEvery, pause } from './pause.ts';
import { managerOf, provisionStreams } from './streams.ts';

export interface MessagingOptions {
  /** One server or several, separated by commas. */
  readonly url: string;
  /** Seen in the server's list of connections. */
  readonly name: string;
  readonly namespace?: string;
  /** Copies of each stream: 1 on a single server, 3 on a cluster. */
  readonly replicas?: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A process's tie to NATS: it lives whether NATS does or not. */
export interface Messaging {
  readonly names: Names;
  readonly logger: Logger;
  readonly metrics: MessagingMetrics;
  /** The connection while it works and the streams exist. Undefined during an outage: do something else, do not wait. */
  readonly live: NatsConnection | undefined;
  /** Counts the times that the connection came up: what was true of the server under another number may not be so now. */
  readonly epoch: number;
  /** Resolves with a working connection, or with undefined once the signal aborts or `close` is called. */
  whenLive(signal: AbortSignal): Promise<NatsConnection | undefined>;
  /** Calls back on every change between working and not; the answer ends that. */
  onChange(listener: (live: boolean) => void): () => void;
  /** Makes the streams that are missing; done by itself whenever the connection comes up. */
  provision(): Promise<void>;
  /** For the health check: rejects while NATS is away. */
  check(): Promise<void>;
  /** Sends what is buffered and disconnects. */
  close(): Promise<void>;
}

const RECONNECT_WAIT_MS = 250;
const CONNECT_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 15_000;
const DRAIN_TIMEOUT_MS = 2_000;
const LOG_EVERY_MS = 30_000;

/**
 * Starts connecting and returns at once; never throws for a server that is absent, refuses or dies, and tries for ever.
 * Streams are provisioned each time the connection comes up, because a server may come back with an empty store.
 */
export function connectMessaging(options: MessagingOptions): Messaging {
  const names = namesIn(options.namespace ?? '');
  const metrics = messagingMetrics(options.metrics);
  const closing = new AbortController();
  const liveness = createLiveness(options.logger, metrics, closing.signal);
  const link: Link = { options, names, liveness, closing: closing.signal, connection: undefined };
  const running = keepConnected(link);
  return {
    names,
    logger: options.logger,
    metrics,
    get live() {
      return liveness.live;
    },
    get epoch() {
      return liveness.epoch;
    },
    whenLive: (signal) => liveness.whenLive(signal),
    onChange: (listener) => liveness.onChange(listener),
    provision: async () => {
      if (liveness.live !== undefined) await provisionOn(link, liveness.live);
    },
    check: async () => {
      if (liveness.live === undefined) throw new Error('NATS is away');
      await liveness.live.rtt();
    },
    close: async () => {
      closing.abort();
      await disconnect(link.connection);
      await running;
    },
  };
}

interface Link {
  readonly options: MessagingOptions;
  readonly names: Names;
  readonly liveness: Liveness;
  readonly closing: AbortSignal;
  connection: NatsConnection | undefined;
}

async function keepConnected(link: Link): Promise<void> {
  const { options, closing } = link;
  const sayAbsent = atMostEvery(LOG_EVERY_MS);
  while (!closing.aborted) {
    try {
      link.connection = await open(options);
      if (closing.aborted) await link.connection.close();
      else await watch(link, link.connection);
    } catch (err) {
      sayAbsent(() => options.logger.warn({ err }, 'NATS cannot be reached; trying on'));
    }
    await pause(RECONNECT_WAIT_MS, closing);
  }
}

/** Follows a connection through its interruptions until it is closed for good. */
async function watch(link: Link, connection: NatsConnection): Promise<void> {
  let lost = new AbortController();
  let preparation = prepare(link, connection, lost.signal);
  // The iterator does not end with its connection, and its type hides that it can be stopped.
  const statuses = connection.status() as QueuedIterator<Status>;
  const closed = connection.closed().then(() => statuses.stop());
  for await (const status of statuses) {
    if (status.type !== Events.Disconnect && status.type !== Events.Reconnect) continue;
    lost.abort();
    link.liveness.set(undefined);
    await preparation;
    if (status.type === Events.Disconnect) continue;
    lost = new AbortController();
    preparation = prepare(link, connection, lost.signal);
  }
  lost.abort();
  link.liveness.set(undefined);
  await Promise.all([preparation, closed]);
}

async function provisionOn({ names, options }: Link, connection: NatsConnection): Promise<void> {
  await provisionStreams(await managerOf(connection), names, options);
}

/** JetStream is up a moment after the server, so this insists for as long as the connection lasts. */
async function prepare(link: Link, connection: NatsConnection, lost: AbortSignal): Promise<void> {
  const { options, liveness } = link;
  const sayNotReady = atMostEvery(LOG_EVERY_MS);
  while (!lost.aborted) {
    try {
      await provisionOn(link, connection);
      if (!lost.aborted) liveness.set(connection);
      return;
    } catch (err) {
      sayNotReady(() => options.logger.warn({ err }, 'JetStream is not ready'));
      await pause(RECONNECT_WAIT_MS, lost);
    }
  }
}

function open({ url, name }: MessagingOptions): Promise<NatsConnection> {
  return connect({
    servers: url.split(',').map((server) => server.trim()),
    name,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    ignoreAuthErrorAbort: true,
    // Capturing a stack per request costs more than the request.
    noAsyncTraces: true,
  });
}

/** drain() never ends while the server is away, so it gets little time. */
async function disconnect(connection: NatsConnection | undefined): Promise<void> {
  if (connection === undefined || connection.isClosed()) return;
  const tooLong = new AbortController();
  const drained = connection.drain().catch(() => undefined);
  await Promise.race([drained, pause(DRAIN_TIMEOUT_MS, tooLong.signal)]);
  tooLong.abort();
  await connection.close().catch(() => undefined);
}
