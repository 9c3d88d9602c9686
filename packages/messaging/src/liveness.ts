import type { Logger } from '@tributary/runtime';
import type { NatsConnection } from 'nats';

import type { MessagingMetrics } from './metrics.ts';

/** Whether there is a working connection, and who wants to hear of it. */
export interface Liveness {
  readonly live: NatsConnection | undefined;
  readonly epoch: number;
  set(connection: NatsConnection | undefined): void;
  whenLive(signal: AbortSignal): Promise<NatsConnection | undefined>;
  onChange(listener: (live: boolean) => void): () => void;
}

export function createLiveness(logger: Logger, metrics: MessagingMetrics, closing: AbortSignal): Liveness {
  const listeners = new Set<(live: boolean) => void>();
  let live: NatsConnection | undefined;
  let epoch = 0;
  metrics.connected.set(0);

  function whenLive(signal: AbortSignal): Promise<NatsConnection | undefined> {
    return new Promise((resolve) => {
      const either = AbortSignal.any([signal, closing]);
      const settle = (): void => {
        if (live === undefined && !either.aborted) return;
        listeners.delete(settle);
        either.removeEventListener('abort', settle);
        resolve(either.aborted ? undefined : live);
      };
      listeners.add(settle);
      either.addEventListener('abort', settle);
      settle();
    });
  }

  return {
    get live() {
      return live;
    },
    get epoch() {
      return epoch;
    },
    set(connection) {
      if (live === connection) return;
      live = connection;
      if (connection !== undefined) epoch += 1;
      metrics.connected.set(connection === undefined ? 0 : 1);
      if (!closing.aborted)
        logger.info({ connected: connection !== undefined }, 'the connection to NATS changed');
      for (const listener of listeners) listener(connection !== undefined);
    },
    whenLive,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
