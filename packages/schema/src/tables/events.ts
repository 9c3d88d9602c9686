import { sql } from 'drizzle-orm';
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { createdAt, id, moment, programId } from './columns.ts';

/** Events written by the statement of the change, partitioned by day of `created_at` (see the migrations). */
export const outboxEvents = pgTable(
  'outbox_events',
  {
    id: id(),
    programId: programId(),
    type: text('type').notNull(),
    subject: jsonb('subject').$type<Record<string, string>>().notNull(),
    actor: jsonb('actor').$type<{ kind: string; id: string | null; name: string }>().notNull(),
    requestId: text('request_id'),
    data: jsonb('data').$type<Record<string, unknown>>().notNull(),
    /** When it happened, by the clock of whoever decided. */
    occurredAt: moment('occurred_at').notNull(),
    /** When the row was written, by the database's clock; whole milliseconds, so that the key survives JavaScript. */
    createdAt: moment('created_at')
      .notNull()
      .default(sql`date_trunc('milliseconds', now())`),
    sentAt: moment('sent_at'),
  },
  (t) => [
    primaryKey({ columns: [t.createdAt, t.id, t.programId] }),
    index('outbox_events_unsent')
      .on(t.createdAt, t.id)
      .where(sql`${t.sentAt} IS NULL`),
  ],
);

/** Events whose effect is not idempotent by construction, remembered by the statement of the effect. */
export const consumedEvents = pgTable(
  'consumed_events',
  {
    programId: programId(),
    consumer: text('consumer').notNull(),
    eventId: uuid('event_id').notNull(),
    consumedAt: moment('consumed_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.consumer, t.eventId] }),
    index('consumed_events_consumed_at').on(t.consumedAt),
  ],
);

/** Messages that failed for good: listed and replayable. */
export const deadLetters = pgTable(
  'dead_letters',
  {
    id: id(),
    programId: programId(),
    stream: text('stream').notNull(),
    consumer: text('consumer').notNull(),
    eventId: text('event_id'),
    eventType: text('event_type'),
    payload: jsonb('payload').notNull(),
    reason: text('reason').notNull(),
    deliveries: integer('deliveries').notNull(),
    createdAt: createdAt(),
    replayedAt: moment('replayed_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    index('dead_letters_created').on(t.programId, t.createdAt, t.id),
  ],
);

/** Where each stream stood: a creation time or sequence that goes backwards means that the stream lost messages. */
export const streamPositions = pgTable('stream_positions', {
  stream: text('stream').primaryKey(),
  streamCreatedAt: moment('stream_created_at').notNull(),
  lastSequence: bigint('last_sequence', { mode: 'bigint' }).notNull(),
  observedAt: moment('observed_at').notNull().defaultNow(),
});
