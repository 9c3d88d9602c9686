import type { CacheMetrics } from '@tributary/runtime';

export interface CacheOptions<Value> {
  readonly load: (key: string) => Promise<Value>;
  readonly ttlMs: number;
  /** Entries at most; the least recently used one goes first. */
  readonly maxEntries: number;
  readonly metrics: CacheMetrics;
  readonly now?: () => number;
}

export interface Cache<Value> {
  /** From memory, or loaded; callers that ask for the same key at once share one load. */
  get(key: string): Promise<Value>;
  /** Forgets everything, loads under way included: what they bring may be older than the change. */
  clear(): void;
}

interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly expiresAt: number;
}

/** Values of this process's memory, absence included. A load that fails is not kept. */
export function createCache<Value>(options: CacheOptions<Value>): Cache<Value> {
  const { load, ttlMs, maxEntries, metrics, now = () => performance.now() } = options;
  const entries = new Map<string, Entry<Value>>();

  function remember(key: string): Promise<Value> {
    const entry = { value: load(key), expiresAt: now() + ttlMs };
    entries.set(key, entry);
    entry.value.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    return entry.value;
  }

  return {
    get(key) {
      const known = entries.get(key);
      if (known === undefined || known.expiresAt <= now()) {
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
