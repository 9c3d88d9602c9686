import { deriveIdentityKey, signIdentity, type Identity, type SigningContext } from '@tributary/http-kit';
import { LRUCache } from 'lru-cache';
import type { Principal } from './principal.ts';

/** Where a request comes from, as services are told. */
export type Caller = Pick<Identity, 'ip' | 'userAgent'>;

/** The signed identity of a principal who calls from somewhere, for one service. */
export type SignFor = (principal: Principal, caller: Caller, service: string) => string;

/** How long a header is used again. It is good for far longer, so that what waits for a service still arrives in time. */
const REUSE_MS = 2_000;
/** About 1 KiB each. */
const MAX_REMEMBERED = 10_000;

interface Signed {
  readonly principal: Principal;
  readonly header: string;
  readonly signedAt: number;
}

/**
 * Signs identities, and uses a header again for two seconds: nothing in it belongs to one request (its id travels beside
 * it). It is used again for the very principal object that it was made of, so that a key or token which is read anew,
 * with other scopes perhaps, is signed anew.
 */
export function createIdentitySigner(deps: {
  readonly identitySecret: string;
  readonly clock: () => Date;
}): SignFor {
  const contexts = new Map<string, SigningContext>();
  const remembered = new LRUCache<string, Signed>({ max: MAX_REMEMBERED });

  function contextOf(service: string): SigningContext {
    const known = contexts.get(service);
    if (known !== undefined) return known;
    const context = { service, key: deriveIdentityKey(deps.identitySecret, service) };
    contexts.set(service, context);
    return context;
  }

  return (principal, { ip, userAgent }, service) => {
    const now = deps.clock().getTime();
    const place = `${service} ${principal.kind} ${principal.id} ${ip} ${userAgent}`;
    const known = remembered.get(place);
    if (known?.principal === principal && now - known.signedAt < REUSE_MS) return known.header;
    const header = signIdentity({ ...principal, ip, userAgent }, contextOf(service), now);
    remembered.set(place, { principal, header, signedAt: now });
    return header;
  };
}
