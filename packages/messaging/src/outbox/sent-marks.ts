import type { Logger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';

import type { Outgoing } from '../transport.ts';

/** The address of a row of `outbox_events`; kept to the millisecond, so that a Date is exact. */
export interface OutboxKey {
  readonly id: string;
  readonly createdAt: Date;
}

/** created_at leads, so that only the partitions named are looked at. */
const MARK_SENT = `
  UPDATE outbox_events AS event SET sent_at = clock_timestamp()
  FROM unnest($1::timestamptz[], $2::uuid[]) AS sent (created_at, id)
  WHERE event.created_at = sent.created_at AND event.id = sent.id AND event.sent_at IS NULL`;

/** Marks rows of the outbox as sent, in one statement. */
export async function markSent(db: Pick<Database, 'query'>, keys: readonly OutboxKey[]): Promise<void> {
  if (keys.length === 0) return;
  await db.query(MARK_SENT, [keys.map((key) => key.createdAt), keys.map((key) => key.id)]);
}

export interface SentMarks {
  add(events: readonly (Outgoing & OutboxKey)[]): void;
  /** Forgets what is not yet written: those rows will be sent again. */
  discard(): void;
  /** Resolves when all that was added before is written or given up. */
  flush(): Promise<void>;
}

const MAX_BATCH = 1_000;
/** Long enough to gather the acks of a busy moment, short against the sweeper's two seconds. */
const GATHER_MS = 20;

/**
 * Gathers acknowledged events and marks them with one UPDATE at a time; the next batch grows while one is under way.
 * A failed batch is dropped, not repeated: the sweeper publishes those rows again, which is harmless, and nothing piles up.
 */
export function createSentMarks(db: Pick<Database, 'query'>, logger: Logger): SentMarks {
  let waiting: OutboxKey[] = [];
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH);
      try {
        await markSent(db, batch);
      } catch (err) {
        logger.warn(
          { err, events: batch.length },
          'events were sent but not marked; the sweeper will repeat them',
        );
      }
    }
  }

  function start(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing ??= writeAll().finally(() => {
      writing = undefined;
    });
    return writing;
  }

  return {
    add(events) {
      for (const { id, createdAt } of events) waiting.push({ id, createdAt });
      if (waiting.length >= MAX_BATCH) void start();
      else timer ??= setTimeout(() => void start(), GATHER_MS);
    },
    discard() {
      waiting = [];
    },
    async flush() {
      await start();
    },
  };
}
