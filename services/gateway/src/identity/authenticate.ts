import { DEFAULT_PROGRAM } from '@tributary/schema';
import type { Sender } from '../rate-limits/caller-limits.ts';
import type { ApiKeyCache } from './api-key-cache.ts';
import { publicPrincipal, type Principal } from './principal.ts';
import { API_KEY_PREFIX } from './random-tokens.ts';
import type { UserTokenCache } from './user-token-cache.ts';

/** What a request's `Authorization` header proves. */
export interface Authentication {
  readonly principal: Principal;
  /** Credentials were sent and are worth nothing: not the same as none, even on a public route. */
  readonly isRejected: boolean;
}

const ANONYMOUS: Authentication = { principal: publicPrincipal(DEFAULT_PROGRAM), isRejected: false };
const REJECTED: Authentication = { principal: publicPrincipal(DEFAULT_PROGRAM), isRejected: true };
/** Longer than any token of ours; what is longer is not looked at. */
const MAX_CREDENTIAL_LENGTH = 4_096;

export type Authenticate = (
  header: string | undefined,
  sender: Sender,
) => Authentication | Promise<Authentication>;

/** People by JWT, machines by API key; both as `Bearer`. */
export function createAuthenticator(deps: {
  readonly userTokens: UserTokenCache;
  readonly apiKeys: ApiKeyCache;
}): Authenticate {
  const known = (principal: Principal | undefined): Authentication =>
    principal === undefined ? REJECTED : { principal, isRejected: false };

  return function authenticate(header, sender) {
    if (header === undefined) return ANONYMOUS;
    const token = bearerToken(header);
    if (token === undefined) return REJECTED;
    const isKey = token.startsWith(API_KEY_PREFIX);
    const found = isKey ? deps.apiKeys.lookUp(token, sender) : deps.userTokens.lookUp(token);
    return found instanceof Promise ? found.then(known) : known(found);
  };
}

/** The credential of `Bearer <credential>`; the scheme in any case, as RFC 9110 has it. */
export function bearerToken(header: string): string | undefined {
  if (header.length > MAX_CREDENTIAL_LENGTH) return undefined;
  return /^bearer +([\w.~+/=-]+)$/i.exec(header)?.[1];
}
