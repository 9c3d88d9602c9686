import { DatabaseUnavailableError } from './errors.ts';

/** A bounded number of places, given out first come, first served. */
export interface Slots {
  /** Resolves once a place is held; throws DatabaseUnavailableError after `waitMs`. */
  acquire(): Promise<void>;
  release(): void;
  /** Resolves once nobody holds a place or waits for one, or after `timeoutMs`. */
  whenFree(timeoutMs: number): Promise<void>;
  readonly held: number;
  readonly waiting: number;
}

interface Waiter {
  admit: () => void;
  timer: NodeJS.Timeout;
}

export function createSlots(capacity: number, waitMs: number): Slots {
  let held = 0;
  const waiters = new Set<Waiter>();
  let becameFree = (): void => undefined;

  function wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        waiters.delete(waiter);
        reject(new DatabaseUnavailableError(`No database connection became free within ${waitMs} ms.`));
      };
      const waiter: Waiter = { admit: resolve, timer: setTimeout(giveUp, waitMs) };
      waiters.add(waiter);
    });
  }

  return {
    async acquire() {
      if (held >= capacity) return wait();
      held += 1;
      return undefined;
    },
    /** The place goes to the longest waiting, so that a newcomer cannot slip in before it. */
    release() {
      const [next] = waiters;
      if (next === undefined) {
        held -= 1;
        if (held === 0) becameFree();
        return;
      }
      waiters.delete(next);
      clearTimeout(next.timer);
      next.admit();
    },
    whenFree(timeoutMs) {
      if (held === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        becameFree = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    get held() {
      return held;
    },
    get waiting() {
      return waiters.size;
    },
  };
}
