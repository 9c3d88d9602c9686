import { DatabaseUnavailableError } from '@tributary/schema';

/** Lets a few in at once, and the others in the order in which they came. */
export interface Turns {
  /** Resolves when it is one's turn; throws DatabaseUnavailableError when that takes too long. */
  take(): Promise<void>;
  /** Whoever had a turn says so. */
  end(): void;
}

interface Waiting {
  readonly admit: () => void;
  readonly timer: NodeJS.Timeout;
}

export function createTurns(width: number, waitMs: number): Turns {
  const line = new Set<Waiting>();
  let taken = 0;

  function queue(): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        line.delete(waiting);
        reject(new DatabaseUnavailableError(`A look-up had no turn within ${waitMs} ms.`));
      };
      const waiting: Waiting = { admit: resolve, timer: setTimeout(giveUp, waitMs) };
      line.add(waiting);
    });
  }

  return {
    async take() {
      if (taken >= width) return queue();
      taken += 1;
      return undefined;
    },
    end() {
      const [next] = line;
      if (next === undefined) {
        taken -= 1;
        return;
      }
      line.delete(next);
      clearTimeout(next.timer);
      next.admit();
    },
  };
}
