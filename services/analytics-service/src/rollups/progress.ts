import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerDefinition, Messaging } from '@tributary/messaging';
import type { Logger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';

/** How far the rollups of a programme are. */
export interface Progress {
  /** Grows whenever a rollup has changed; int8 as text. */
  readonly version: string;
  /** Every change committed before this moment is in the rollups; null before the first projector ran. */
  readonly asOf: Date | null;
}

// The same snapshot tells the time and what is not with the broker yet: everything committed by then is either in the
// streams or unsent. Events older than the outbox keeps are nobody's concern here.
const READ_WATERMARK = `
  SELECT least(date_trunc('milliseconds', now()), (
    SELECT min(created_at) FROM outbox_events
    WHERE sent_at IS NULL AND split_part(type, '.', 1) IN ('commission', 'conversion')
  )) AS reached`;

const RAISE_AS_OF = `
  INSERT INTO rollup_progress AS p (program_id, as_of)
  SELECT program_id, $1::timestamptz FROM (SELECT 'default' AS program_id UNION SELECT program_id FROM rollup_progress)
  ON CONFLICT (program_id) DO UPDATE SET as_of = greatest(p.as_of, excluded.as_of)`;

export interface ProgressDeps {
  readonly db: Pick<Database, 'query'>;
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly consumers: readonly ConsumerDefinition[];
}

const ROUND_MS = 500;
const POLL_MS = 100;

/**
 * Raises `asOf` until the signal aborts: notes the time and where the streams end, waits until the consumers have
 * acknowledged that far, and only then says so. While NATS or Postgres is away it stays where it is.
 */
export async function followProgress(deps: ProgressDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await raiseOnce(deps, signal);
    } catch (err) {
      if (!signal.aborted) deps.logger.debug({ err }, 'how far the rollups are cannot be told now');
    }
    await pause(ROUND_MS, signal);
  }
}

async function raiseOnce({ db, messaging, consumers }: ProgressDeps, signal: AbortSignal): Promise<void> {
  const { live: connection, names } = messaging;
  if (connection === undefined) return;
  const [watermark] = await db.query<{ reached: Date }>(READ_WATERMARK);
  if (watermark === undefined) return;
  const jsm = await connection.jetstreamManager({ checkAPI: false });
  for (const { stream, name } of consumers) {
    const end = (await jsm.streams.info(names.stream(stream))).state.last_seq;
    for (;;) {
      if (signal.aborted) return;
      const info = await jsm.consumers.info(names.stream(stream), name);
      const isIdle = info.num_pending === 0 && info.num_ack_pending === 0;
      if (isIdle || info.ack_floor.stream_seq >= end) break;
      await pause(POLL_MS, signal);
    }
  }
  await db.query(RAISE_AS_OF, [watermark.reached]);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
