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

/** While events are on their way, and while there are none. */
const BUSY_ROUND_MS = 200;
const IDLE_ROUND_MS = 500;

/** With a long backlog the marks that are there will do. */
const MAX_MARKS = 50;

/** Everything committed before `at` has been published when each stream ends there, or is reflected already. */
interface Mark {
  readonly at: Date;
  readonly ends: readonly number[];
}

/**
 * Raises `asOf` until the signal aborts: notes the time and where the streams end, and says so once the consumers have
 * acknowledged that far. While NATS or Postgres is away it stays where it is.
 */
export async function followProgress(deps: ProgressDeps, signal: AbortSignal): Promise<void> {
  let waiting: readonly Mark[] = [];
  while (!signal.aborted) {
    try {
      waiting = await raise(deps, waiting);
    } catch (err) {
      if (!signal.aborted) deps.logger.debug({ err }, 'how far the rollups are cannot be told now');
    }
    await pause(waiting.length > 0 ? BUSY_ROUND_MS : IDLE_ROUND_MS, signal);
  }
}

/** Takes a mark, raises `asOf` to the latest that is reached, and answers those that are not. */
async function raise(
  { db, messaging, consumers }: ProgressDeps,
  earlier: readonly Mark[],
): Promise<readonly Mark[]> {
  const { live: connection, names } = messaging;
  if (connection === undefined) return [];
  const jsm = await connection.jetstreamManager({ checkAPI: false });
  const [watermark] = await db.query<{ reached: Date }>(READ_WATERMARK);
  if (watermark === undefined) return earlier;
  const streams = consumers.map(({ stream }) => names.stream(stream));
  const ends = await Promise.all(
    streams.map(async (stream) => (await jsm.streams.info(stream)).state.last_seq),
  );
  const marks = earlier.length < MAX_MARKS ? [...earlier, { at: watermark.reached, ends }] : earlier;
  const reached = await Promise.all(
    consumers.map(async ({ name }, index) => reachedBy(await jsm.consumers.info(streams[index] ?? '', name))),
  );
  const isReached = ({ ends }: Mark): boolean => ends.every((end, index) => end <= (reached[index] ?? 0));
  const latest = marks.findLast(isReached);
  if (latest === undefined) return marks;
  await db.query(RAISE_AS_OF, [latest.at]);
  return marks.slice(marks.indexOf(latest) + 1);
}

/** What NATS says of a consumer. */
interface ConsumerState {
  readonly num_pending: number;
  readonly num_ack_pending: number;
  readonly ack_floor: { readonly stream_seq: number };
}

/** Up to where in its stream a consumer has seen to everything. */
function reachedBy(info: ConsumerState): number {
  const isIdle = info.num_pending === 0 && info.num_ack_pending === 0;
  return isIdle ? Number.POSITIVE_INFINITY : info.ack_floor.stream_seq;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
