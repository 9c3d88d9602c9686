import { pause } from '../pause.ts';
import type { ConsumerDefinition } from './definition.ts';
import { ensureDurable, recreateDurable } from './durable.ts';
import { createIntake } from './intake.ts';
import { createProcessor, type ConsumerDeps } from './processing.ts';
import { runSession, type SessionEnd } from './session.ts';
import { managerOf } from '../streams.ts';

export interface RunningConsumer {
  /** Stops pulling, waits for what is in work, and lets the acks out. */
  stop(): Promise<void>;
}

const RETRY_MS = 250;
/** Two rounds: the buffer is refilled while the first is in work. */
const BUFFERED_ROUNDS = 2;

/**
 * Runs a consumer until it is stopped: through outages of NATS and Postgres, a deleted durable or stream, and whatever its
 * handler throws. Returns at once; it starts to work when NATS is there.
 */
export function runConsumer(deps: ConsumerDeps, definition: ConsumerDefinition): RunningConsumer {
  const { messaging } = deps;
  const stopping = new AbortController();
  const logger = messaging.logger.child({ consumer: definition.name });
  const intake = createIntake({ ...definition, process: createProcessor(deps, definition) });
  // Counted from nothing: of a consumer that never gets anything done there would be no series, and no alert without one.
  for (const type of definition.types) messaging.metrics.consumed.inc({ type, consumer: definition.name }, 0);
  messaging.metrics.deadLettered.inc({ consumer: definition.name }, 0);

  async function session(remake: boolean): Promise<SessionEnd> {
    const connection = await messaging.whenLive(stopping.signal);
    if (connection === undefined) return 'stopped';
    const jsm = await managerOf(connection);
    const { names } = messaging;
    if (remake) await recreateDurable(jsm, names, definition);
    else await ensureDurable(jsm, names, definition);
    return runSession({
      connection,
      stream: names.stream(definition.stream),
      durable: definition.name,
      maxMessages: definition.concurrency * definition.batchSize * BUFFERED_ROUNDS,
      intake,
      signal: stopping.signal,
    });
  }

  async function supervise(): Promise<void> {
    let lastEnd: SessionEnd | undefined;
    let stalls = 0;
    while (!stopping.signal.aborted) {
      try {
        // A new subscription cures a stall of this process; when it does not, the durable itself is made anew.
        stalls = lastEnd === 'stalled' ? stalls + 1 : 0;
        lastEnd = await session(stalls > 1);
        if (lastEnd === 'stopped') continue;
        messaging.metrics.consumerRestarts.inc({ consumer: definition.name, reason: lastEnd });
        logger.warn({ reason: lastEnd }, 'the subscription ended and is made anew');
      } catch (err) {
        lastEnd = undefined;
        logger.warn({ err }, 'the consumer could not be started; tried again');
      }
      await pause(RETRY_MS, stopping.signal);
    }
    await intake.drain();
    await messaging.live?.flush().catch(() => undefined);
  }

  const running = supervise();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
