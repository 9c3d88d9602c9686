import type { CacheMetrics } from '@tributary/runtime';

export interface CacheOptions<Value> {
  readonly load: (key: string) => Promise<Value>;
  readonly ttlMs: number;
  /** Entries at most; the least recently used one goes first. */
  readonly maxEntries: number;
  readonly metrics: CacheMetrics;
  /** Whether changes are being heard of; while they are not, nothing is believed for longer than a second. */
  readonly isWatched?: () => boolean;
  readonly now?: () => number;
}

/** What a change may take to be obeyed everywhere, with the events that tell of it or without. */
const UNWATCHED_TTL_MS = 1_000;

export interface Cache<Value> {
  /** From memory, or loaded; callers that ask for the same key at once share one load. */
  get(key: string): Promise<Value>;
  /** The same, for who knows that something has changed: what is outdated is loaded anew, and by this call at the latest. */
  getCurrent(key: string, isCurrent: (value: Value) => boolean): Promise<Value>;
  /** Forgets everything, loads under way included: what they bring may be older than the change. */
  clear(): void;
}

interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly loadedAt: number;
}

/** Values of this process's memory, absence included. A load that fails is not kept. */
export function createCache<Value>(options: CacheOptions<Value>): Cache<Value> {
  const { load, ttlMs, maxEntries, metrics, isWatched = () => true, now = () => performance.now() } = options;
  const entries = new Map<string, Entry<Value>>();

  function remember(key: string): Entry<Value> {
    const entry = { value: load(key), loadedAt: now() };
    entries.set(key, entry);
    entry.value.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    return entry;
  }

  function isStale({ loadedAt }: Entry<Value>): boolean {
    return now() - loadedAt >= (isWatched() ? ttlMs : Math.min(ttlMs, UNWATCHED_TTL_MS));
  }

  function look(key: string): { entry: Entry<Value>; isNew: boolean } {
    const known = entries.get(key);
    // Put at the end, known or new: the order of the map is that of use.
    entries.delete(key);
    if (known === undefined || isStale(known)) {
      metrics.miss();
      return { entry: remember(key), isNew: true };
    }
    metrics.hit();
    entries.set(key, known);
    return { entry: known, isNew: false };
  }

  return {
    get: (key) => look(key).entry.value,
    async getCurrent(key, isCurrent) {
      for (;;) {
        const { entry, isNew } = look(key);
        const value = await entry.value;
        // What was loaded since the caller learned of the change is as new as can be.
        if (isNew || isCurrent(value)) return value;
        // Unless somebody else has seen it first: all who find it outdated share one load.
        if (entries.get(key) === entry) entries.delete(key);
      }
    },
    clear: () => entries.clear(),
  };
}

/** What is remembered, unless it is of another revision than the one just `seen`. */
export function getSeen<Value extends { readonly revision: string }>(
  cache: Cache<Value>,
  key: string,
  seen: string | undefined,
): Promise<Value> {
  return seen === undefined ? cache.get(key) : cache.getCurrent(key, ({ revision }) => revision === seen);
}
