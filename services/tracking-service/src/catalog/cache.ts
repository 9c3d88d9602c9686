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

  function remember(key: string): Promise<Value> {
    const entry = { value: load(key), loadedAt: now() };
    entries.set(key, entry);
    entry.value.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    return entry.value;
  }

  function isStale({ loadedAt }: Entry<Value>): boolean {
    return now() - loadedAt >= (isWatched() ? ttlMs : Math.min(ttlMs, UNWATCHED_TTL_MS));
  }

  return {
    get(key) {
      const known = entries.get(key);
      if (known === undefined || isStale(known)) {
        metrics.miss();
        entries.delete(key);
        return remember(key);
      }
      metrics.hit();
      // Moved to the end: the order of the map is that of use.
      entries.delete(key);
      entries.set(key, known);
      return known.value;
    },
    clear: () => entries.clear(),
  };
}
