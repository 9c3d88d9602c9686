import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError } from '@tributary/schema';
import type { Logger } from '@tributary/runtime';

export interface WriteBackOptions<Item> {
  readonly write: (items: readonly Item[]) => Promise<void>;
  readonly logger: Logger;
  /** Told of an item that Postgres refuses. */
  readonly onRefused?: (item: Item, error: unknown) => void;
  /** Items in one statement. */
  readonly batchSize?: number;
  /** Items in one statement at least, unless the oldest has waited `lingerMs`. */
  readonly lingerMs?: number;
}

const RETRY_MS = 250;

/**
 * Collects items and writes them in batches, one statement at a time: while one is under way the next batch gathers.
 * With Postgres away it keeps trying. An item that Postgres refuses is found by writing one by one, logged and dropped:
 * its claim lapses, and the delivery is attempted again.
 */
export class WriteBack<Item> {
  readonly #options: WriteBackOptions<Item>;
  #queue: Item[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: WriteBackOptions<Item>) {
    this.#options = options;
  }

  /** Items not yet written. */
  get size(): number {
    return this.#queue.length;
  }

  add(item: Item): void {
    this.#queue.push(item);
    this.#writing ??= this.#drain();
  }

  /** Resolves when all that was added has been written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    const { batchSize = 256, lingerMs = 1 } = this.#options;
    // What ends in the same turn of the event loop belongs into one statement.
    await pause(lingerMs);
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, batchSize);
      await this.#write(batch);
      this.#queue.splice(0, batch.length);
    }
    this.#writing = undefined;
  }

  async #write(batch: readonly Item[]): Promise<void> {
    const { write, logger, onRefused } = this.#options;
    for (;;) {
      try {
        await write(batch);
        return;
      } catch (err) {
        if (err instanceof DatabaseUnavailableError) {
          logger.warn({ err, items: batch.length }, 'results wait for Postgres');
          await pause(RETRY_MS);
          continue;
        }
        const [first, second] = batch;
        if (first !== undefined && second === undefined) {
          logger.error({ err }, 'a result could not be written and is dropped');
          onRefused?.(first, err);
          return;
        }
        for (const item of batch) await this.#write([item]);
        return;
      }
    }
  }
}
