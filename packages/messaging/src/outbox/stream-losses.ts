import { STREAMS, type StreamName } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import type { JetStreamManager, StreamInfo } from 'nats';

import type { Names } from '../names.ts';
import { isNotFound } from '../streams.ts';

interface Position {
  stream: string;
  streamCreatedAt: Date;
  lastSequence: string;
  observedAt: Date;
}

/** What a stream no longer holds, as far as it can be told. */
export type StreamLoss =
  | { outcome: 'intact' }
  /** Events sent since then must be published again. */
  | { outcome: 'lost'; since: Date | '-infinity' };

/** Rows may have been sent between the look at the stream and the note of it; also covers clocks that differ a little. */
const NOTE_MARGIN_MS = 10_000;
/** A server syncs its files every two minutes unless told otherwise; a machine that crashes loses as much. */
const SYNC_MARGIN_MS = 300_000;
/** How much later than its note a message may look, by the difference of two clocks, and still be the one noted. */
const CLOCK_SLACK_MS = 5_000;

/**
 * Compares a stream with what was last noted of it.
 *
 * - another creation time: it was made anew, and whatever the outbox still has is published again;
 * - a lower sequence, or another message under the noted sequence: its end was lost, and perhaps written over;
 * - otherwise, where the server may have restarted (`suspicious`): only what was sent since the note is in doubt.
 */
export async function assessStream(
  jsm: JetStreamManager,
  info: StreamInfo,
  position: Position | undefined,
  suspicious: boolean,
): Promise<StreamLoss> {
  if (position === undefined) return { outcome: 'intact' };
  if (createdAt(info) !== position.streamCreatedAt.getTime()) return { outcome: 'lost', since: '-infinity' };
  const noted = Number(position.lastSequence);
  const endLost = info.state.last_seq < noted || (suspicious && (await isOverwritten(jsm, info, position)));
  if (endLost) return { outcome: 'lost', since: before(position.observedAt, SYNC_MARGIN_MS) };
  if (suspicious) return { outcome: 'lost', since: before(position.observedAt, NOTE_MARGIN_MS) };
  return { outcome: 'intact' };
}

async function isOverwritten(jsm: JetStreamManager, info: StreamInfo, position: Position): Promise<boolean> {
  const seq = Number(position.lastSequence);
  // Nothing had been stored, or what had been has expired.
  if (seq === 0 || seq < info.state.first_seq) return false;
  try {
    const message = await jsm.streams.getMessage(info.config.name, { seq });
    return message.time.getTime() > position.observedAt.getTime() + CLOCK_SLACK_MS;
  } catch (error) {
    // Deleted or expired since: nothing speaks for a restart of the sequence.
    if (isNotFound(error)) return false;
    throw error;
  }
}

function before(moment: Date, ms: number): Date {
  return new Date(moment.getTime() - ms);
}

/** Postgres keeps microseconds, NATS nanoseconds, Date milliseconds: compared and stored as the last. */
function createdAt(info: StreamInfo): number {
  return new Date(info.created).getTime();
}

/** A stream as the server describes it now, with what was noted of it before. */
export interface ObservedStream {
  readonly name: StreamName;
  readonly info: StreamInfo;
  readonly position: Position | undefined;
}

/** Looks at every stream there is; one that is missing is left out. */
export async function observeStreams(
  db: Pick<Database, 'query'>,
  jsm: JetStreamManager,
  names: Names,
): Promise<ObservedStream[]> {
  const positions = await db.query<Position>(LIST_POSITIONS);
  const observed: ObservedStream[] = [];
  for (const name of Object.keys(STREAMS) as StreamName[]) {
    const stream = names.stream(name);
    try {
      const info = await jsm.streams.info(stream);
      observed.push({ name, info, position: positions.find((position) => position.stream === stream) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return observed;
}

const LIST_POSITIONS = `SELECT stream, stream_created_at, last_sequence, observed_at FROM stream_positions`;

const NOTE_POSITION = `
  INSERT INTO stream_positions AS noted (stream, stream_created_at, last_sequence, observed_at)
  VALUES ($1, $2::timestamptz, $3::bigint, clock_timestamp())
  ON CONFLICT (stream) DO UPDATE SET stream_created_at = excluded.stream_created_at,
    last_sequence = excluded.last_sequence, observed_at = excluded.observed_at`;

/** Notes where a stream stands, once nothing of it is missing in the outbox's queue. */
export async function notePosition(db: Pick<Database, 'query'>, info: StreamInfo): Promise<void> {
  await db.query(NOTE_POSITION, [info.config.name, new Date(createdAt(info)), info.state.last_seq]);
}
