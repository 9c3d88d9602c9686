import type { EndpointLane } from '@tributary/schema/tables';
import type { Logger } from '@tributary/runtime';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import type { NewRow } from './insert-deliveries.ts';
import type { AttemptRecord } from './record-attempts.ts';
import { WriteBack } from './write-back.ts';

/** A result, and the lane that its endpoint belongs in from now on. */
export interface Recorded {
  readonly record: AttemptRecord;
  readonly lane: EndpointLane;
}

export interface NewDeliveriesDeps {
  readonly logger: Logger;
  /** Writes rows. */
  readonly write: (rows: readonly (NewRow & { readonly lane?: EndpointLane })[]) => Promise<void>;
  /** A result that came after its row was written as claimed. */
  readonly onResult: (recorded: Recorded) => void;
  /** One that was given back after its row was written as claimed. */
  readonly onReleased: (delivery: ClaimedDelivery) => void;
}

interface Unwritten {
  readonly delivery: ClaimedDelivery;
  readonly since: number;
  readonly written: PromiseWithResolvers<void>;
  isBeingWritten: boolean;
  /** What happened while the row was being written. */
  afterwards?: () => void;
}

interface RowToWrite extends NewRow {
  readonly unwritten: Unwritten;
  readonly lane?: EndpointLane;
}

/** An attempt that takes longer than this is written about before its end, as claimed, so that its event is not held up. */
const PATIENCE_MS = 250;

/**
 * Deliveries that have no row yet. Most first attempts end within a fraction of a second, and their rows are written once,
 * result included; until then JetStream holds the event. A row that is written before its result gets that like any other.
 */
export class NewDeliveries {
  readonly #deps: NewDeliveriesDeps;
  readonly #rows: WriteBack<RowToWrite>;
  /** Oldest first. */
  readonly #unwritten = new Map<string, Unwritten>();

  constructor(deps: NewDeliveriesDeps) {
    this.#deps = deps;
    this.#rows = new WriteBack({
      logger: deps.logger,
      write: async (rows) => {
        await deps.write(rows);
        for (const { unwritten } of rows) this.#settle(unwritten, (written) => written.resolve());
      },
      onRefused: ({ unwritten }, error) => this.#settle(unwritten, (written) => written.reject(error)),
    });
  }

  /** Rows that wait to be written. */
  get size(): number {
    return this.#rows.size;
  }

  /** Takes over a delivery whose first attempt begins now. Resolves when its row is written. */
  begin(delivery: ClaimedDelivery, now: number): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#unwritten.set(delivery.id, { delivery, since: now, written, isBeingWritten: false });
    return written.promise;
  }

  /** Writes the row of a delivery that there is no room for here. Resolves when that is done. */
  leave(delivery: ClaimedDelivery, now: number): Promise<void> {
    const written = this.begin(delivery, now);
    this.released(delivery);
    return written;
  }

  /** Takes a result, unless the row is written already. */
  attempted(recorded: Recorded): boolean {
    const unwritten = this.#unwritten.get(recorded.record.delivery.id);
    if (unwritten === undefined) return false;
    if (unwritten.isBeingWritten) unwritten.afterwards = () => this.#deps.onResult(recorded);
    else this.#write(unwritten, { ...recorded, isClaimed: false });
    return true;
  }

  /** Takes back a delivery that was not sent, unless its row is written already. */
  released(delivery: ClaimedDelivery): boolean {
    const unwritten = this.#unwritten.get(delivery.id);
    if (unwritten === undefined) return false;
    if (unwritten.isBeingWritten) unwritten.afterwards = () => this.#deps.onReleased(delivery);
    else this.#write(unwritten, { isClaimed: false });
    return true;
  }

  /** Writes the rows of those that take long. */
  writeOverdue(now: number): void {
    for (const unwritten of this.#unwritten.values()) {
      if (unwritten.since > now - PATIENCE_MS) break;
      if (!unwritten.isBeingWritten) this.#write(unwritten, { isClaimed: true });
    }
  }

  /** Resolves when all rows that were to be written are. */
  async flush(): Promise<void> {
    await this.#rows.flush();
  }

  #write(unwritten: Unwritten, row: Omit<RowToWrite, 'unwritten' | 'delivery'>): void {
    unwritten.isBeingWritten = true;
    this.#rows.add({ ...row, unwritten, delivery: unwritten.delivery });
  }

  #settle(unwritten: Unwritten, how: (written: PromiseWithResolvers<void>) => void): void {
    this.#unwritten.delete(unwritten.delivery.id);
    how(unwritten.written);
    unwritten.afterwards?.();
  }
}
