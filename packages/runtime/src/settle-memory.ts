import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

const AFTER_MS = 1_000;

/**
 * Gives back what loading modules took, a moment after a start. The young generation has grown to its greatest size by then and
 * V8 keeps that until a full collection, for which an idle process has no reason; small from the start, it would cost a busy
 * process a fifth of its CPU in collections. Takes some 80 ms, once.
 */
export function settleMemorySoon(afterMs = AFTER_MS): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as Collect;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, afterMs).unref();
}
