import type { Logger } from '@tributary/runtime';
import { DEFAULT_PROGRAM, type Database } from '@tributary/schema';
import { LRUCache } from 'lru-cache';
import { findUsableKey, touchApiKeys, type UsableKey } from './api-keys-store.ts';
import type { Principal } from './principal.ts';
import { hashToken } from './random-tokens.ts';

/** A key revoked by a message that was lost is refused at the next reading: within a minute, as promised. */
const REREAD_MS = 30_000;
/** An unknown key is looked for again soon, since it may just have been made. */
const UNKNOWN_MS = 2_000;
const MAX_KEYS = 20_000;
const NOTE_USE_MS = 60_000;

interface Entry {
  readonly key: UsableKey | undefined;
  readonly principal: Principal | undefined;
  readonly readAt: number;
}

export interface ApiKeyCache {
  /** Whom a key speaks for; undefined when it is unknown, expired or revoked. Synchronous when it was read lately. */
  lookUp(token: string): Principal | undefined | Promise<Principal | undefined>;
  /** Forgets a key at once. */
  revoke(apiKeyId: string): void;
  /** Forgets all of them: revocations may have been missed. */
  forget(): void;
  /** Writes what is not yet noted about the keys' use. */
  noteUses(): Promise<void>;
  stop(): void;
}

function toPrincipal(key: UsableKey): Principal {
  const { id, name, scopes, programId, partnerId } = key;
  return { kind: 'api_key', id, name, scopes, programId, ...(partnerId === null ? {} : { partnerId }) };
}

/** API keys by the hash of their secret, read from Postgres again twice a minute. */
export function createApiKeyCache(deps: {
  readonly db: Pick<Database, 'query'>;
  readonly clock: () => Date;
  readonly logger: Logger;
}): ApiKeyCache {
  const { db, clock, logger } = deps;
  const entries = new LRUCache<string, Entry>({ max: MAX_KEYS });
  const readings = new Map<string, Promise<Principal | undefined>>();
  const uses = new Map<string, Date>();

  async function read(hash: string): Promise<Principal | undefined> {
    try {
      const now = clock();
      const key = await findUsableKey(db, DEFAULT_PROGRAM, hash, now);
      const principal = key === undefined ? undefined : toPrincipal(key);
      entries.set(hash, { key, principal, readAt: now.getTime() });
      return principal;
    } finally {
      readings.delete(hash);
    }
  }

  function isFresh(entry: Entry, now: number): boolean {
    if (entry.key === undefined) return now - entry.readAt < UNKNOWN_MS;
    const expiresAt = entry.key.expiresAt?.getTime() ?? Infinity;
    return now - entry.readAt < REREAD_MS && now < expiresAt;
  }

  async function noteUses(): Promise<void> {
    if (uses.size === 0) return;
    const noted = new Map(uses);
    uses.clear();
    try {
      await touchApiKeys(db, DEFAULT_PROGRAM, noted);
    } catch (err) {
      logger.warn({ err }, 'the last use of API keys could not be noted');
    }
  }

  const timer = setInterval(() => void noteUses(), NOTE_USE_MS);
  return {
    lookUp(token) {
      const hash = hashToken(token);
      const now = clock();
      const entry = entries.get(hash);
      if (entry === undefined || !isFresh(entry, now.getTime())) {
        const reading = readings.get(hash) ?? read(hash);
        readings.set(hash, reading);
        return reading;
      }
      if (entry.key !== undefined) uses.set(entry.key.id, now);
      return entry.principal;
    },
    revoke(apiKeyId) {
      for (const [hash, entry] of entries.entries()) {
        if (entry.key?.id === apiKeyId) entries.delete(hash);
      }
    },
    forget: () => entries.clear(),
    noteUses,
    stop: () => clearInterval(timer),
  };
}
