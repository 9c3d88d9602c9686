/** A row as a page names it. */
interface NamedRow {
  readonly id: string | null;
  readonly revision: string | null;
  readonly text?: string | null;
}

interface Remembered {
  readonly revision: string;
  readonly text: string;
}

/** Below this share of pages that were found whole, asking for places first costs more than it saves. */
const WORTH_ASKING = 0.25;
/** How much the latest page counts in that share. */
const WEIGHT = 0.05;

/**
 * The JSON of rows by id and revision. Which rows a page has, and in what revision, Postgres is asked each time: what is
 * remembered is never out of date, it only spares writing the same JSON again. Holds one to two times `capacity` rows.
 */
export class RowMemory {
  readonly #capacity: number;
  #young = new Map<string, Remembered>();
  #old = new Map<string, Remembered>();
  #share = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Whether pages of late could have been put together from memory. */
  get isWorthAsking(): boolean {
    return this.#share >= WORTH_ASKING;
  }

  /** The JSON of these rows, if all of them are remembered. */
  recall(rows: readonly NamedRow[]): string[] | undefined {
    const texts: string[] = [];
    for (const { id, revision } of rows) {
      // The one row of an empty page.
      if (id === null) continue;
      const known = this.#find(id);
      if (known === undefined || known.revision !== revision) return undefined;
      texts.push(known.text);
    }
    this.#note(true);
    return texts;
  }

  remember(rows: readonly NamedRow[]): void {
    let wasKnown = true;
    for (const { id, revision, text } of rows) {
      if (id === null || revision === null || typeof text !== 'string') continue;
      if (this.#find(id)?.revision === revision) continue;
      wasKnown = false;
      this.#keep(id, { revision, text });
    }
    this.#note(wasKnown);
  }

  forget(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #find(id: string): Remembered | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    if (old !== undefined) this.#keep(id, old);
    return old;
  }

  #keep(id: string, row: Remembered): void {
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(id, row);
  }

  #note(wasKnown: boolean): void {
    this.#share += WEIGHT * (Number(wasKnown) - this.#share);
  }
}
