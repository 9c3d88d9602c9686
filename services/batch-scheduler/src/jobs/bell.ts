import { setTimeout as delay } from 'node:timers/promises';

/** Wakes a loop that otherwise looks only now and then. A ring while nobody waits is not lost. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, after `ms`, or when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let rung = new AbortController();
  return {
    ring: () => rung.abort(),
    async wait(ms, signal) {
      try {
        await delay(ms, undefined, { signal: AbortSignal.any([signal, rung.signal]) });
      } catch {
        // Rung or stopped: the caller looks again either way.
      }
      if (rung.signal.aborted) rung = new AbortController();
    },
  };
}
