import type { StoredEvent } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import { activeTracing } from '@tributary/tracing';

import type { Messaging } from '../connection.ts';
import { atMostEvery, pause } from '../pause.ts';
import { publishGroup } from '../transport.ts';
import { createSentMarks } from './sent-marks.ts';

export interface Publisher {
  /**
   * Sends events that are committed in the outbox. Returns at once and never throws: what cannot be sent now (NATS away,
   * too much waiting) is left to the sweeper.
   */
  publish(events: readonly StoredEvent[]): void;
  /** Waits until everything handed over is sent and marked, at most `timeoutMs`. */
  flush(timeoutMs?: number): Promise<void>;
  /** Flushes and takes no more. */
  stop(): Promise<void>;
}

/** About 10 MB of events; more than that in memory would only delay what the sweeper does as well. */
const MAX_WAITING = 10_000;
const GROUP_SIZE = 256;
/** A single event goes out at once as a group of one; only behind four groups does it wait and gather company. */
const MAX_GROUPS = 4;
const FLUSH_TIMEOUT_MS = 5_000;
const FLUSH_POLL_MS = 5;
const LOG_EVERY_MS = 30_000;

/** Publishes events right after the statement that wrote them, so that nobody waits for the sweeper's two seconds. */
export function createPublisher(deps: {
  readonly messaging: Messaging;
  readonly db: Pick<Database, 'query'>;
}): Publisher {
  const { messaging, db } = deps;
  const marks = createSentMarks(db, messaging.logger);
  const sayLeft = atMostEvery(LOG_EVERY_MS);
  const tracing = activeTracing();
  let waiting: StoredEvent[] = [];
  let groups = 0;
  let stopped = false;

  // An ack of a server that has just died is worth little: leaving the row unmarked costs one repetition.
  const unsubscribe = messaging.onChange((live) => {
    if (live) return;
    waiting = [];
    marks.discard();
  });

  async function sendGroup(events: StoredEvent[]): Promise<void> {
    const { live: connection, epoch } = messaging;
    if (connection === undefined) return;
    const sent = await publishGroup(messaging, connection, events);
    const failed = sent.find((one) => one.outcome === 'failed');
    if (failed !== undefined) {
      sayLeft(() =>
        messaging.logger.warn({ err: failed.error }, 'events could not be sent; left to the sweeper'),
      );
    }
    if (messaging.live === undefined || messaging.epoch !== epoch) return;
    marks.add(sent.filter((one) => one.outcome === 'acknowledged').map((one) => one.event));
  }

  function pump(): void {
    while (groups < MAX_GROUPS && waiting.length > 0) {
      groups += 1;
      void sendGroup(waiting.splice(0, GROUP_SIZE)).finally(() => {
        groups -= 1;
        pump();
      });
    }
  }

  const isIdle = (): boolean => waiting.length === 0 && groups === 0;

  async function flush(timeoutMs = FLUSH_TIMEOUT_MS): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    while (!isIdle() && !deadline.aborted) await pause(FLUSH_POLL_MS, deadline);
    await marks.flush();
  }

  return {
    publish(events) {
      if (stopped || messaging.live === undefined) return;
      tracing?.carry(events);
      const room = MAX_WAITING - waiting.length;
      waiting.push(...(events.length > room ? events.slice(0, room) : events));
      pump();
    },
    flush,
    async stop() {
      stopped = true;
      await flush();
      unsubscribe();
    },
  };
}
