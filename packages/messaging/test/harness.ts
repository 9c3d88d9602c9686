import { exampleEvent, type EventType, type StoredEvent } from '@tributary/event-catalog';
import { createLogger, createMetrics, newId } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { testNats, type TestNats, type TestScope } from '@tributary/testkit';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';

import {
  connectMessaging,
  createPublisher,
  runConsumer,
  type ConsumerDefinition,
  type Messaging,
  type Publisher,
  type RunningConsumer,
} from '../src/index.ts';

/** A process's messaging, closed with the scope. */
export function openMessaging(t: TestScope, server: { url: string; namespace?: string }): Messaging {
  const messaging = connectMessaging({
    url: server.url,
    namespace: server.namespace ?? '',
    name: 'test',
    logger: createLogger({ service: 'test', level: process.env['TEST_LOG_LEVEL'] ?? 'silent' }),
    metrics: createMetrics({ service: 'test' }),
  });
  t.teardown(() => messaging.close());
  return messaging;
}

export async function untilLive(messaging: Messaging): Promise<NatsConnection> {
  const connection = await messaging.whenLive(AbortSignal.timeout(20_000));
  if (connection === undefined) throw new Error('NATS did not come up');
  return connection;
}

/** A connection of the test's own, to look at the server with. */
export async function inspectNats(t: TestScope, url: string): Promise<JetStreamManager> {
  const connection = await connect({ servers: url });
  t.teardown(() => connection.close());
  return connection.jetstreamManager();
}

/** An event as a command would answer it; by default it happened long enough ago for the sweeper. */
export function newEvent<T extends EventType>(type: T, ageMs = 10_000): StoredEvent<T> {
  const createdAt = new Date(Date.now() - ageMs);
  return { ...exampleEvent(type), id: newId(), occurredAt: createdAt.toISOString(), createdAt };
}

const INSERT = `
  INSERT INTO outbox_events (id, program_id, type, subject, actor, request_id, data, occurred_at, created_at)
  SELECT event.id, 'default', event.type, event.subject, event.actor, 'req-1', event.data, event.created_at, event.created_at
  FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::timestamptz[])
    AS event (id, type, subject, actor, data, created_at)`;

/** Writes the rows that the statement of a change would have written. */
export async function insertEvents(db: Database, events: readonly StoredEvent[]): Promise<void> {
  await db.query(INSERT, [
    events.map((event) => event.id),
    events.map((event) => event.type),
    events.map((event) => event.subject),
    events.map((event) => event.actor),
    events.map((event) => event.data),
    events.map((event) => event.createdAt),
  ]);
}

export async function countSent(db: Database): Promise<number> {
  const [row] = await db.query<{ sent: number }>('SELECT count(sent_at)::int AS sent FROM outbox_events');
  return row?.sent ?? 0;
}

export interface DeadLetterRow {
  id: string;
  stream: string;
  consumer: string;
  eventId: string | null;
  eventType: string | null;
  payload: Record<string, unknown>;
  reason: string;
  deliveries: number;
  replayedAt: Date | null;
}

export async function listDeadLetters(db: Database): Promise<DeadLetterRow[]> {
  return Array.from(await db.query<DeadLetterRow>('SELECT * FROM dead_letters ORDER BY id'));
}

/** One process's worth of messaging, on a namespace of its own. */
export interface TestProcess {
  readonly nats: TestNats;
  readonly messaging: Messaging;
  readonly connection: NatsConnection;
  readonly publisher: Publisher;
  readonly start: (definition: ConsumerDefinition) => RunningConsumer;
}

export async function startProcess(
  t: TestScope,
  db: Database,
  nats: TestNats = testNats(t),
): Promise<TestProcess> {
  const messaging = openMessaging(t, nats);
  const connection = await untilLive(messaging);
  const publisher = createPublisher({ messaging, db });
  t.teardown(() => publisher.stop());
  return {
    nats,
    messaging,
    connection,
    publisher,
    start: (definition) => {
      const running = runConsumer({ messaging, db }, definition);
      t.teardown(() => running.stop());
      return running;
    },
  };
}
