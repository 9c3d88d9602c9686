import type { Logger } from '@tributary/runtime';
import { DEFAULT_PROGRAM, type Database } from '@tributary/schema';
import type { Sender } from '../rate-limits/caller-limits.ts';
import { findUsableKey } from './api-keys-store.ts';
import { createKeyMemory } from './key-memory.ts';
import { createKeyUses } from './key-uses.ts';
import type { Principal } from './principal.ts';
import { hashToken } from './random-tokens.ts';
import { createTurns } from './turns.ts';

/** Of the six connections, so that keys in use, which are read again without waiting for a turn, find one free. */
const LOOK_UPS_AT_ONCE = 2;
/** As long as a statement waits for a connection. */
const TURN_TIMEOUT_MS = 2_000;

export interface ApiKeyCache {
  /**
   * Whom a key speaks for; undefined when it is unknown, expired or revoked, and when it is not in memory and its sender is
   * refused anyhow. Synchronous when it was read lately.
   */
  lookUp(token: string, sender: Sender): Principal | undefined | Promise<Principal | undefined>;
  /** Forgets a key at once. */
  revoke(apiKeyId: string): void;
  /** Believes none of them before it is read again: revocations may have been missed. */
  forget(): void;
  /** Writes what is not yet noted about the keys' use. */
  noteUses(): Promise<void>;
  stop(): void;
}

export interface ApiKeyCacheDeps {
  readonly db: Pick<Database, 'query'>;
  readonly clock: () => Date;
  readonly logger: Logger;
  /** Whether the limit of a sender's address is used up, so that nothing is gained by looking for its key. */
  readonly isSpent: (sender: Sender) => boolean;
}

/** API keys by the hash of their secret, read from Postgres again twice a minute. */
export function createApiKeyCache(deps: ApiKeyCacheDeps): ApiKeyCache {
  const { db, clock, isSpent } = deps;
  const memory = createKeyMemory();
  const uses = createKeyUses(deps);
  const turns = createTurns(LOOK_UPS_AT_ONCE, TURN_TIMEOUT_MS);
  const readings = new Map<string, Promise<Principal | undefined>>();

  async function read(hash: string): Promise<Principal | undefined> {
    try {
      const now = clock();
      const key = await findUsableKey(db, DEFAULT_PROGRAM, hash, now);
      if (key !== undefined) uses.add(key.id, now);
      return memory.keep(hash, key, now.getTime());
    } finally {
      readings.delete(hash);
    }
  }

  function readOnce(hash: string): Promise<Principal | undefined> {
    const reading = readings.get(hash) ?? read(hash);
    readings.set(hash, reading);
    return reading;
  }

  /** In turn, since anybody can make keys up. Those before it may have used up the address, or found this very key. */
  async function lookFor(hash: string, sender: Sender): Promise<Principal | undefined> {
    await turns.take();
    try {
      const now = clock().getTime();
      const known = memory.find(hash);
      if (known !== undefined && memory.isFresh(known, now)) return known.principal;
      return memory.isUnknown(hash, now) || isSpent(sender) ? undefined : await readOnce(hash);
    } finally {
      turns.end();
    }
  }

  return {
    lookUp(token, sender) {
      const hash = hashToken(token);
      const now = clock();
      const known = memory.find(hash);
      if (known === undefined) {
        const isVain = memory.isUnknown(hash, now.getTime()) || isSpent(sender);
        return isVain ? undefined : lookFor(hash, sender);
      }
      if (!memory.isFresh(known, now.getTime())) return readOnce(hash);
      uses.add(known.key.id, now);
      return known.principal;
    },
    revoke: (apiKeyId) => memory.revoke(apiKeyId),
    forget: () => memory.doubt(clock().getTime()),
    noteUses: () => uses.note(),
    stop: () => uses.stop(),
  };
}
