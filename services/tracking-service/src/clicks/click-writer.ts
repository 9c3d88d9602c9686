import type { StoredEvent } from '@tributary/event-catalog';
import { DatabaseUnavailableError, sqlState, type ClickStatus, type Database } from '@tributary/schema';
import { canRepeat, takeBatch } from './batches.ts';
import type { NewClick } from './click.ts';
import { storeClicks, type StoredClicks } from './store-clicks.ts';

export interface ClickWriter {
  /**
   * Stores a click together with whatever else is waiting, and answers its final status once that is committed.
   * @throws {DatabaseUnavailableError} also when more wait than can be stored in good time
   */
  store(click: NewClick): Promise<ClickStatus>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

interface Waiting {
  readonly click: NewClick;
  readonly done: (status: ClickStatus) => void;
  readonly failed: (error: unknown) => void;
}

/** About 25 ms of Postgres's time, and 20,000 clicks a second: larger ones gain nothing any more and only delay their first. */
const BATCH_LIMIT = 500;
/** Some 100 MB, and a second or two of work: who comes after that is better told to come again. */
const QUEUE_LIMIT = 20_000;
/**
 * How often a statement is run by what stopped it. TR001: others passed the gate first; among many processes one in a few
 * passes at the first try, and 200 bound bad luck to about a second. Deadlocks and lock time-outs (2 s each) can only come
 * from somebody else's work on the rollup.
 */
const ATTEMPTS: Readonly<Record<string, number>> = { TR001: 200, '40P01': 5, '55P03': 2 };

/** Groups the clicks of concurrent requests: while one statement runs, those that come in gather for the next. */
export function createClickWriter(deps: {
  readonly db: Pick<Database, 'query'>;
  readonly publish: (events: readonly StoredEvent[]) => void;
  readonly clock: () => Date;
}): ClickWriter {
  let queue: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function writeGroup(clicks: readonly NewClick[]): Promise<StoredClicks['statuses']> {
    const [first] = clicks;
    if (first === undefined) return {};
    const options = { programId: first.programId, now: deps.clock(), gated: clicks.some(canRepeat) };
    const { statuses, events } = await insist(() => storeClicks(deps.db, clicks, options));
    deps.publish(events);
    return statuses;
  }

  async function writeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const statuses = await writeGroup(batch.map(({ click }) => click));
      for (const { click, done } of batch) done(statuses[click.id] ?? click.status);
    } catch (error) {
      if (batch.length === 1 || !isFaultOfOne(error)) {
        for (const { failed } of batch) failed(error);
        return;
      }
      for (const waiting of batch) await writeBatch([waiting]);
    }
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const { taken, left } = takeBatch(queue, BATCH_LIMIT);
      queue = left;
      await writeBatch(
        taken.map(({ waiting, isTwin }) =>
          isTwin ? { ...waiting, click: { ...waiting.click, status: 'duplicate' } } : waiting,
        ),
      );
    }
    running = undefined;
  }

  return {
    store(click) {
      if (queue.length >= QUEUE_LIMIT) {
        return Promise.reject(
          new DatabaseUnavailableError('More clicks wait than can be stored in good time.'),
        );
      }
      return new Promise((done, failed) => {
        queue.push({ click, done, failed });
        running ??= Promise.resolve().then(run);
      });
    },
    async drain() {
      await running;
    },
  };
}

/** @throws {DatabaseUnavailableError} when others are always faster */
async function insist<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (cause) {
      const attempts = ATTEMPTS[sqlState(cause) ?? ''];
      if (attempts === undefined) throw cause;
      if (attempt >= attempts)
        throw new DatabaseUnavailableError('The clicks could not be stored in time.', { cause });
    }
  }
}

/** A value that Postgres refuses is one click's fault; a time-out or a lost connection concerns them all. */
function isFaultOfOne(error: unknown): boolean {
  return /^2[23]/.test(sqlState(error) ?? '');
}
