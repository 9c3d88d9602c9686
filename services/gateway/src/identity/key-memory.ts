import { LRUCache } from 'lru-cache';
import type { UsableKey } from './api-keys-store.ts';
import type { Principal } from './principal.ts';

/** A key revoked by a message that was lost is refused at the next reading: within a minute, as promised. */
const REREAD_MS = 30_000;
/** An unknown key is looked for again soon, since it may just have been made. */
const UNKNOWN_MS = 2_000;
const MAX_KEYS = 20_000;
/** What is not known is remembered apart, so that strangers can push out nothing but each other's guesses. */
const MAX_UNKNOWN = 2_000;

/** A key that was good when it was read. */
export interface RememberedKey {
  readonly key: UsableKey;
  readonly principal: Principal;
  readonly readAt: number;
}

/** What was read of keys, by the hash of their secret. Times are milliseconds of one clock. */
export interface KeyMemory {
  find(hash: string): RememberedKey | undefined;
  /** Whether it is believed without being read again. */
  isFresh(remembered: RememberedKey, now: number): boolean;
  /** Whether it was looked for just now, and is no key. */
  isUnknown(hash: string, now: number): boolean;
  /** Takes what a reading gave; answers whom the key speaks for. */
  keep(hash: string, key: UsableKey | undefined, readAt: number): Principal | undefined;
  revoke(apiKeyId: string): void;
  /** Believes nothing that was read until now. */
  doubt(now: number): void;
}

export function createKeyMemory(): KeyMemory {
  const keys = new LRUCache<string, RememberedKey>({ max: MAX_KEYS });
  const unknown = new LRUCache<string, number>({ max: MAX_UNKNOWN });
  let doubtedUntil = -Infinity;

  return {
    find: (hash) => keys.get(hash),
    isFresh({ key, readAt }, now) {
      const expiresAt = key.expiresAt?.getTime() ?? Infinity;
      return now - readAt < REREAD_MS && readAt > doubtedUntil && now < expiresAt;
    },
    isUnknown(hash, now) {
      const missedAt = unknown.get(hash);
      return missedAt !== undefined && now - missedAt < UNKNOWN_MS;
    },
    keep(hash, key, readAt) {
      if (key === undefined) {
        keys.delete(hash);
        unknown.set(hash, readAt);
        return undefined;
      }
      const principal = toPrincipal(key);
      keys.set(hash, { key, principal, readAt });
      return principal;
    },
    revoke(apiKeyId) {
      for (const [hash, { key }] of keys.entries()) {
        if (key.id === apiKeyId) keys.delete(hash);
      }
    },
    doubt(now) {
      doubtedUntil = now;
      unknown.clear();
    },
  };
}

function toPrincipal(key: UsableKey): Principal {
  const { id, name, scopes, programId, partnerId } = key;
  return { kind: 'api_key', id, name, scopes, programId, ...(partnerId === null ? {} : { partnerId }) };
}
