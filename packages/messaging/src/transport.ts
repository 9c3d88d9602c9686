import type { EventEnvelope } from '@tributary/event-catalog';
import { activeTracing } from '@tributary/tracing';
import { headers, type MsgHdrs, type NatsConnection } from 'nats';

import type { Messaging } from './connection.ts';

/** Five seconds without an ack: the event stays in the outbox and the sweeper takes it. */
const ACK_TIMEOUT_MS = 5_000;

/** Names the one consumer that a replayed message is for; the others acknowledge it unread. */
export const REPLAY_HEADER = 'Tributary-Replay-For';

/** The W3C header by which a consumer's span finds the request that caused its event. */
export const TRACE_HEADER = 'traceparent';

/** What travels; `type` is a plain string because a newer release may have written the row. */
export interface Outgoing {
  readonly id: string;
  readonly type: string;
  /** The address of its row in the outbox; stays behind. */
  readonly createdAt?: Date;
}

export type Sent<T> = { outcome: 'acknowledged'; event: T } | { outcome: 'failed'; event: T; error: unknown };

/**
 * Publishes a group at once and waits for all acks together. Never rejects: each event has its own outcome. A stream
 * drops what it has seen within its duplicate window, by event id.
 */
export async function publishGroup<T extends Outgoing>(
  messaging: Messaging,
  connection: NatsConnection,
  events: readonly T[],
): Promise<Sent<T>[]> {
  const js = connection.jetstream();
  return Promise.all(
    events.map(async (event): Promise<Sent<T>> => {
      const trace = traceOf(event);
      try {
        const { createdAt: _address, ...envelope } = event;
        const payload = JSON.stringify(envelope);
        await js.publish(messaging.names.subject(event.type), payload, {
          msgID: event.id,
          timeout: ACK_TIMEOUT_MS,
          ...trace?.options,
        });
        messaging.metrics.published.inc({ type: event.type });
        trace?.end();
        return { outcome: 'acknowledged', event };
      } catch (error) {
        trace?.end(String(error));
        return { outcome: 'failed', event, error };
      }
    }),
  );
}

interface PublishTrace {
  readonly options: { readonly headers: MsgHdrs };
  readonly end: (error?: string) => void;
}

/** A span for an event whose cause is being traced; what the sweeper sends has lost its cause. */
function traceOf(event: Outgoing): PublishTrace | undefined {
  const tracing = activeTracing();
  const parent = tracing?.carriedBy(event);
  if (tracing === undefined || parent === undefined) return undefined;
  const span = tracing.start(`publish ${event.type}`, {
    kind: 'producer',
    parent,
    attributes: { 'messaging.system': 'nats', 'messaging.message.id': event.id },
  });
  const header = headers();
  header.set(TRACE_HEADER, span.traceparent);
  return { options: { headers: header }, end: (error) => span.end({ error }) };
}

/**
 * Publishes an event that has no row in the outbox, and waits for its ack: for what must be kept while Postgres is away.
 * @throws when there is no connection, or no ack within five seconds
 */
export async function publishUnrecorded(messaging: Messaging, event: EventEnvelope): Promise<void> {
  const connection = messaging.live;
  if (connection === undefined) throw new Error('NATS is away');
  const [sent] = await publishGroup(messaging, connection, [event]);
  if (sent?.outcome === 'failed') throw sent.error;
}

/** Puts a message onto its subject again for one consumer alone, past the duplicate window. Throws without an ack. */
export async function publishReplay(
  messaging: Messaging,
  connection: NatsConnection,
  replay: { readonly type: string; readonly payload: unknown; readonly consumer: string },
): Promise<void> {
  const header = headers();
  header.set(REPLAY_HEADER, replay.consumer);
  await connection.jetstream().publish(messaging.names.subject(replay.type), JSON.stringify(replay.payload), {
    headers: header,
    timeout: ACK_TIMEOUT_MS,
  });
}
