import { LRUCache } from 'lru-cache';
import type { AccessTokens } from './access-tokens.ts';
import type { ExternalIdentities } from './external-identities.ts';
import { userPrincipal, type Principal } from './principal.ts';

/** About 1 KiB each, with the token. */
const MAX_TOKENS = 20_000;
/** A person whom the identity provider vouches for, and who was disabled here, is refused within a minute. */
const REREAD_EXTERNAL_MS = 60_000;

interface Entry {
  readonly principal: Principal;
  readonly goodUntil: number;
}

export interface UserTokenCache {
  /** Whom an access token speaks for; undefined when it is worth nothing. Synchronous but for the provider's at first. */
  lookUp(token: string): Principal | undefined | Promise<Principal | undefined>;
}

/**
 * Access tokens once verified, until they end: ours cannot be revoked, so that looking again would find the same. What is
 * refused is not remembered, or strangers could push out what is good. The principal of a token stays the same object,
 * for which the identity that services get is signed once in a while rather than for each request.
 */
export function createUserTokenCache(deps: {
  readonly tokens: AccessTokens;
  /** Tokens of an identity provider, where one is configured. */
  readonly external?: ExternalIdentities | undefined;
  readonly clock: () => Date;
}): UserTokenCache {
  const { tokens, external, clock } = deps;
  const entries = new LRUCache<string, Entry>({ max: MAX_TOKENS });
  const readings = new Map<string, Promise<Principal | undefined>>();

  async function readExternal(token: string, identities: ExternalIdentities): Promise<Principal | undefined> {
    try {
      const found = await identities.identify(token);
      if (found === undefined) return undefined;
      const goodUntil = Math.min(found.expiresAt, clock().getTime() + REREAD_EXTERNAL_MS);
      entries.set(token, { principal: found.principal, goodUntil });
      return found.principal;
    } finally {
      readings.delete(token);
    }
  }

  return {
    lookUp(token) {
      const known = entries.get(token);
      if (known !== undefined && clock().getTime() < known.goodUntil) return known.principal;
      entries.delete(token);
      const own = tokens.read(token);
      if (own !== undefined) {
        const principal = userPrincipal(own.subject);
        entries.set(token, { principal, goodUntil: own.expiresAt });
        return principal;
      }
      if (external === undefined || !external.isIssuerOf(token)) return undefined;
      const reading = readings.get(token) ?? readExternal(token, external);
      readings.set(token, reading);
      return reading;
    },
  };
}
