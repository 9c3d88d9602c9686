/** An answer, and whether somebody else's computation gave it. */
export interface Shared<Value> {
  readonly value: Value;
  readonly cached: boolean;
}

export interface SharedComputations {
  /**
   * The value of `compute`, or that of an equal call whose computation began less than a second ago while the rollups were
   * at the same version. What is read straight from the base tables is then less than a second old, and what comes from
   * rollups as fresh as they are: a change is visible one second after it, cache or not.
   */
  share<Value>(key: string, version: string, compute: () => Promise<Value>): Promise<Shared<Value>>;
}

/** A little less than a second, for the time that an answer takes to reach its reader. */
const KEPT_MS = 900;

interface Entry {
  readonly version: string;
  readonly value: Promise<unknown>;
}

/** Failures are shared with those who wait, and not kept. */
export function createSharedComputations(keptMs = KEPT_MS): SharedComputations {
  const entries = new Map<string, Entry>();

  function start<Value>(key: string, version: string, compute: () => Promise<Value>): Promise<Value> {
    const value = compute();
    const entry = { version, value };
    entries.set(key, entry);
    const forget = (): void => {
      if (entries.get(key) === entry) entries.delete(key);
    };
    setTimeout(forget, keptMs).unref();
    value.catch(forget);
    return value;
  }

  return {
    async share<Value>(key: string, version: string, compute: () => Promise<Value>) {
      const entry = entries.get(key);
      if (entry?.version === version) return { value: (await entry.value) as Value, cached: true };
      return { value: await start(key, version, compute), cached: false };
    },
  };
}
