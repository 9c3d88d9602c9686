import type { Logger } from '@tributary/runtime';
import { DEFAULT_PROGRAM, type Database } from '@tributary/schema';
import { touchApiKeys } from './api-keys-store.ts';

const NOTE_USE_MS = 60_000;

/** When keys were last used; collected, and written down once a minute. */
export interface KeyUses {
  add(apiKeyId: string, at: Date): void;
  /** Writes what is not yet noted. */
  note(): Promise<void>;
  stop(): void;
}

export function createKeyUses({
  db,
  logger,
}: {
  readonly db: Pick<Database, 'query'>;
  readonly logger: Logger;
}): KeyUses {
  const uses = new Map<string, Date>();

  async function note(): Promise<void> {
    if (uses.size === 0) return;
    const noted = new Map(uses);
    uses.clear();
    try {
      await touchApiKeys(db, DEFAULT_PROGRAM, noted);
    } catch (err) {
      logger.warn({ err }, 'the last use of API keys could not be noted');
    }
  }

  const timer = setInterval(() => void note(), NOTE_USE_MS);
  return {
    add: (apiKeyId, at) => void uses.set(apiKeyId, at),
    note,
    stop: () => clearInterval(timer),
  };
}
