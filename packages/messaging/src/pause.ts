import { setTimeout as delay } from 'node:timers/promises';

/** Waits; returns early, without an error, when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}

/** A function that lets one call in `everyMs` through and drops the others: for logs during an outage. */
export function atMostEvery(everyMs: number): (action: () => void) => void {
  let last = -Infinity;
  return (action) => {
    const now = performance.now();
    if (now - last < everyMs) return;
    last = now;
    action();
  };
}
