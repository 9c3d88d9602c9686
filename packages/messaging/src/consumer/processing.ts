import { setTimeout as delay } from 'node:timers/promises';

import { parseEvent, type EventEnvelope } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import type { JsMsg } from 'nats';

import type { Messaging } from '../connection.ts';
import { REPLAY_HEADER } from '../transport.ts';
import { traceBatch } from './batch-trace.ts';
import { insertDeadLetter } from './dead-letters.ts';
import type { ConsumerDefinition } from './definition.ts';
import { isPassing, judgeFailure } from './verdict.ts';

export interface ConsumerDeps {
  readonly messaging: Messaging;
  readonly db: Pick<Database, 'query'>;
}

/** A message that was read and is this consumer's business. */
interface Readable {
  readonly message: JsMsg;
  readonly event: EventEnvelope;
}

/** Turns messages into effects and settles each of them: acknowledged, asked for again, or a dead letter. Never rejects. */
export type ProcessMessages = (messages: readonly JsMsg[]) => Promise<void>;

/** Signs of life are sent three times per ack wait, so that one may be lost. */
const SIGNS_PER_ACK_WAIT = 3;
const DEAD_LETTER_RETRY_MS = 5_000;

export function createProcessor(deps: ConsumerDeps, definition: ConsumerDefinition): ProcessMessages {
  const settlement = createSettlement(deps, definition);

  async function handle(batch: readonly Readable[]): Promise<void> {
    const failure = await attempt(definition, batch);
    if (failure === undefined) {
      batch.forEach(settlement.succeeded);
    } else if (batch.length === 1 || isPassing(failure.error)) {
      await Promise.all(batch.map((readable) => settlement.failed(readable, failure.error)));
    } else {
      for (const readable of batch) await handle([readable]);
    }
  }

  return async (messages) => {
    try {
      const read = await Promise.all(
        messages.map(async (message) => readMessage(message, definition, settlement)),
      );
      const batch = read.filter((readable) => readable !== undefined);
      if (batch.length > 0) await handle(batch);
    } catch (err) {
      // Nothing above is meant to throw. Unsettled messages come again after their ack wait.
      deps.messaging.logger.error({ err, consumer: definition.name }, 'the consumer failed on a message');
    }
  };
}

/** The three ways a message can end. */
interface Settlement {
  readonly succeeded: (readable: Readable) => void;
  readonly failed: (readable: Readable, error: unknown) => Promise<void>;
  readonly giveUp: (message: JsMsg, reason: string) => Promise<void>;
}

function createSettlement({ messaging, db }: ConsumerDeps, definition: ConsumerDefinition): Settlement {
  const { metrics } = messaging;
  const { name: consumer, stream } = definition;
  const logger = messaging.logger.child({ consumer });

  async function giveUp(message: JsMsg, reason: string): Promise<void> {
    const { seq, subject } = message;
    try {
      await insertDeadLetter(db, { consumer, stream, message, reason });
    } catch (err) {
      logger.warn({ err, seq }, 'a dead letter could not be written; the message will come again');
      message.nak(DEAD_LETTER_RETRY_MS);
      return;
    }
    metrics.deadLettered.inc({ consumer });
    logger.error({ subject, seq, reason }, 'a message became a dead letter');
    message.ack();
  }

  return {
    giveUp,
    succeeded({ message, event }) {
      message.ack();
      metrics.consumed.inc({ type: event.type, consumer });
      metrics.lag.observe({ consumer }, Math.max(0, Date.now() - Date.parse(event.occurredAt)) / 1_000);
    },
    async failed({ message, event }, error) {
      const verdict = judgeFailure(error, message.info.deliveryCount, definition);
      if (verdict.outcome === 'dead_letter') {
        await giveUp(message, verdict.reason);
        return;
      }
      const { delayMs } = verdict;
      metrics.retried.inc({ consumer });
      logger.warn({ err: error, eventId: event.id, delayMs }, 'an event failed and will come again');
      message.nak(delayMs);
    },
  };
}

/** An event to handle, or undefined when the message is settled already. */
async function readMessage(
  message: JsMsg,
  definition: ConsumerDefinition,
  settlement: Settlement,
): Promise<Readable | undefined> {
  const addressee = message.headers?.get(REPLAY_HEADER) ?? '';
  const parsed = parseEvent(jsonOf(message));
  const forOthers = addressee !== '' && addressee !== definition.name;
  // Types are listed by name, so one that this release does not know cannot be among them.
  const unwanted =
    parsed.outcome === 'unknown_type' ||
    (parsed.outcome === 'valid' && !definition.types.has(parsed.event.type));
  if (forOthers || unwanted) {
    message.ack();
  } else if (parsed.outcome === 'invalid') {
    await settlement.giveUp(message, `invalid event: ${parsed.detail}`);
  } else if (parsed.outcome === 'valid') {
    return { message, event: parsed.event };
  }
  return undefined;
}

async function attempt(
  definition: ConsumerDefinition,
  batch: readonly Readable[],
): Promise<{ error: unknown } | undefined> {
  const signs = setInterval(() => {
    for (const { message } of batch) message.working();
  }, definition.ackWaitMs / SIGNS_PER_ACK_WAIT);
  try {
    await traceBatch(definition.name, batch, () => withinTime(definition, batch));
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    clearInterval(signs);
  }
}

/** Undefined, which no schema accepts, when it is not JSON. */
function jsonOf(message: JsMsg): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}

async function withinTime(
  { handle, timeoutMs }: ConsumerDefinition,
  batch: readonly Readable[],
): Promise<void> {
  const timeout = new AbortController();
  const finished = new AbortController();
  const work = handle(
    batch.map(({ event }) => event),
    {
      attempt: Math.max(...batch.map(({ message }) => message.info.deliveryCount)),
      signal: timeout.signal,
    },
  );
  const clock = delay(timeoutMs, 'too long' as const, { signal: finished.signal }).catch(
    () => 'finished' as const,
  );
  try {
    if ((await Promise.race([work, clock])) === 'too long') {
      const error = new Error(`the handler took longer than ${timeoutMs} ms`);
      timeout.abort(error);
      work.catch(() => undefined);
      throw error;
    }
  } finally {
    finished.abort();
  }
}
