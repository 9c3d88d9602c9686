import { createHash } from 'node:crypto';

import { isEventType } from '@tributary/event-catalog';
import { sqlState, type Database } from '@tributary/schema';
import type { JsMsg } from 'nats';

import type { Messaging } from '../connection.ts';
import { publishReplay } from '../transport.ts';

/** What is known of a message that is given up. */
export interface FailedMessage {
  readonly consumer: string;
  readonly stream: string;
  readonly message: JsMsg;
  readonly reason: string;
}

const INSERT_DEAD_LETTER = `
  INSERT INTO dead_letters (id, program_id, stream, consumer, event_id, event_type, payload, reason, deliveries)
  VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9)
  ON CONFLICT DO NOTHING`;

/** Class 22 of SQLSTATE: the text cannot be kept as jsonb (a NUL, a lone surrogate, a number without end). */
const DATA_EXCEPTION = /^22/;

/**
 * Keeps a message that is given up. The id follows from the message, so that a repetition (its ack was lost) adds no row.
 * @throws when it could not be written; the message must then be delivered again
 */
export async function insertDeadLetter(db: Pick<Database, 'query'>, failed: FailedMessage): Promise<void> {
  const read = readPayload(failed.message);
  try {
    await db.query(INSERT_DEAD_LETTER, rowOf(failed, read, read.payload));
  } catch (error) {
    if (!DATA_EXCEPTION.test(sqlState(error) ?? '')) throw error;
    await db.query(
      INSERT_DEAD_LETTER,
      rowOf(failed, read, { encoding: 'base64', raw: base64(failed.message) }),
    );
  }
}

interface ReadPayload {
  readonly payload: object;
  readonly programId: string | undefined;
  readonly eventId: string | undefined;
  readonly type: string | undefined;
}

function rowOf(failed: FailedMessage, read: ReadPayload, payload: object) {
  const { consumer, stream, message, reason } = failed;
  return [
    deadLetterId(failed),
    read.programId ?? 'default',
    stream,
    consumer,
    read.eventId ?? null,
    read.type ?? null,
    payload,
    withoutNul(reason),
    message.info.deliveryCount,
  ];
}

function readPayload(message: JsMsg): ReadPayload {
  let payload: unknown;
  try {
    payload = message.json();
  } catch {
    payload = undefined;
  }
  if (typeof payload !== 'object' || payload === null) {
    const raw = { encoding: 'base64', raw: base64(message) };
    return { payload: raw, programId: undefined, eventId: undefined, type: undefined };
  }
  const fields = payload as Record<string, unknown>;
  return {
    payload,
    programId: nonEmptyText(fields['programId']),
    eventId: nonEmptyText(fields['id']),
    type: nonEmptyText(fields['type']),
  };
}

function nonEmptyText(value: unknown): string | undefined {
  const text = typeof value === 'string' ? withoutNul(value) : '';
  return text === '' ? undefined : text;
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}

function base64(message: JsMsg): string {
  return Buffer.from(message.data).toString('base64');
}

/** A UUIDv7 of the moment the stream took the message, its random part a hash of what identifies the message. */
function deadLetterId({ consumer, stream, message }: FailedMessage): string {
  const { streamSequence, timestampNanos } = message.info;
  const bytes = createHash('sha256')
    .update(`${stream}/${consumer}/${streamSequence}/${timestampNanos}`)
    .digest();
  bytes.writeUIntBE(Math.trunc(timestampNanos / 1e6), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex', 0, 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export type ReplayOutcome =
  | { outcome: 'replayed' }
  | { outcome: 'not_found' }
  /** It was never an event: there is no subject to put it on. */
  | { outcome: 'not_an_event' }
  | { outcome: 'nats_unavailable' };

const FIND_DEAD_LETTER = `
  SELECT consumer, event_type, payload FROM dead_letters WHERE program_id = $1 AND id = $2::uuid`;

const MARK_REPLAYED = `
  UPDATE dead_letters SET replayed_at = clock_timestamp() WHERE program_id = $1 AND id = $2::uuid`;

/**
 * Gives a dead letter to the consumer that gave it up, and to no other. It may be replayed again; if it fails again there
 * is another dead letter.
 */
export async function replayDeadLetter(
  deps: { readonly messaging: Messaging; readonly db: Pick<Database, 'query'> },
  letter: { readonly programId: string; readonly id: string },
): Promise<ReplayOutcome> {
  const key = [letter.programId, letter.id];
  const [row] = await deps.db.query<{ consumer: string; eventType: string | null; payload: unknown }>(
    FIND_DEAD_LETTER,
    key,
  );
  if (row === undefined) return { outcome: 'not_found' };
  if (row.eventType === null || !isEventType(row.eventType)) return { outcome: 'not_an_event' };
  const connection = deps.messaging.live;
  if (connection === undefined) return { outcome: 'nats_unavailable' };
  const { eventType: type, payload, consumer } = row;
  await publishReplay(deps.messaging, connection, { type, payload, consumer });
  await deps.db.query(MARK_REPLAYED, key);
  return { outcome: 'replayed' };
}
