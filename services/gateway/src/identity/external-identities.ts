import { createHash } from 'node:crypto';
import { AppError, commonErrors } from '@tributary/http-kit';
import type { Logger } from '@tributary/runtime';
import { DEFAULT_PROGRAM, sqlState, type Database, type UserRole } from '@tributary/schema';
import { createRemoteJWKSet, decodeJwt, errors as joseErrors, jwtVerify, type JWTPayload } from 'jose';
import { userPrincipal, type Principal } from './principal.ts';
import { keepExternalUser } from './users-store.ts';

/** An OpenID Connect provider whose access tokens are accepted beside our own. */
export interface ExternalIssuer {
  /** Equal to `iss`, byte for byte. */
  readonly issuer: string;
  readonly jwksUrl: URL;
  /** One of `aud`. */
  readonly audience: string;
  /** Where a token says its roles: a claim, or a path such as `realm_access.roles`. */
  readonly roleClaim: string;
  /** From the provider's roles to ours; the first that a token has counts. */
  readonly roles: ReadonlyMap<string, StaffRole>;
}

/** Partners belong to a partner, which no provider knows of. */
export type StaffRole = Exclude<UserRole, 'partner'>;

export interface ExternalIdentities {
  /** Whether a token says, unproven, that the provider has issued it. */
  isIssuerOf(token: string): boolean;
  /**
   * Whom a token speaks for, and until when (ms); undefined when it is forged, ended or gives no role here.
   * @throws {AppError} 503 when the provider's keys cannot be had
   */
  identify(token: string): Promise<{ readonly principal: Principal; readonly expiresAt: number } | undefined>;
}

/** Public keys only: with an HMAC among them, a published key would be a secret that everybody knows. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];
const MAX_NAME = 200;

/** People of an identity provider: tokens proven by its published keys, roles by a claim, a row in `users` for the audit trail. */
export function createExternalIdentities(deps: {
  readonly issuer: ExternalIssuer;
  readonly db: Pick<Database, 'query'>;
  readonly clock: () => Date;
  readonly logger: Logger;
}): ExternalIdentities {
  const { issuer, db, clock, logger } = deps;
  const keys = createRemoteJWKSet(issuer.jwksUrl, { timeoutDuration: 3_000, cooldownDuration: 10_000 });

  async function verified(token: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        currentDate: clock(),
      });
      return payload;
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw new AppError(commonErrors.SERVICE_UNAVAILABLE, 'The identity provider does not answer', {
        cause: error,
        headers: { 'retry-after': '5' },
      });
    }
  }

  return {
    isIssuerOf: (token) => issuerOf(token) === issuer.issuer,
    async identify(token) {
      const claims = await verified(token);
      const role = claims && roleOf(claims, issuer);
      if (claims?.sub === undefined || claims.exp === undefined || role === undefined) return undefined;
      const person = { id: idOf(issuer.issuer, claims.sub), role, ...describe(claims, issuer) };
      try {
        const user = await keepExternalUser(db, DEFAULT_PROGRAM, person, clock());
        if (user?.status !== 'active') return undefined;
      } catch (error) {
        if (sqlState(error) !== '23505') throw error;
        logger.warn({ userId: person.id }, 'an account with a password has the address of an external user');
        return undefined;
      }
      const subject = {
        userId: person.id,
        name: person.name,
        role,
        partnerId: null,
        programId: DEFAULT_PROGRAM,
      };
      return { principal: userPrincipal(subject), expiresAt: claims.exp * 1_000 };
    },
  };
}

/** Faults of the token; whatever else goes wrong is the provider's or the network's. */
function isRefusal(error: unknown): boolean {
  if (error instanceof joseErrors.JWKSTimeout || error instanceof joseErrors.JWKSInvalid) return false;
  // What the key server answers other than 200 comes as the bare class.
  return error instanceof joseErrors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

function roleOf(claims: JWTPayload, { roleClaim, roles }: ExternalIssuer): StaffRole | undefined {
  let value: unknown = claims[roleClaim];
  if (value === undefined) {
    value = roleClaim
      .split('.')
      .reduce<unknown>((inner, name) => (isRecord(inner) ? inner[name] : undefined), claims);
  }
  const given = new Set([value].flat());
  return [...roles].find(([theirs]) => given.has(theirs))?.[1];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function describe(claims: JWTPayload, { issuer }: ExternalIssuer): { name: string; email: string } {
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : undefined);
  const sub = claims.sub ?? '';
  // Where the provider keeps addresses to itself, something that is unique and receives no mail.
  const email = text('email') ?? `${sub}@${URL.parse(issuer)?.hostname ?? 'external'}`;
  const name = text('name') ?? text('preferred_username') ?? email;
  return { email: email.slice(0, 254), name: name.slice(0, MAX_NAME) };
}

/** The same person is the same user, in every gateway and for ever: a UUID (version 8) made of issuer and subject. */
function idOf(issuer: string, subject: string): string {
  const hash = createHash('sha256').update(`${issuer}\n${subject}`).digest('hex');
  const variant = '89ab'[Number.parseInt(hash.charAt(16), 16) % 4];
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}
