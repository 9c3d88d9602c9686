import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { newId } from '@tributary/runtime';
import { z } from 'zod';
import { USER_ROLES, type UserRole } from '@tributary/schema';

const ISSUER = 'tributary';
const AUDIENCE = 'tributary-api';

/** Whom an access token speaks for. */
export interface TokenSubject {
  readonly userId: string;
  readonly name: string;
  readonly role: UserRole;
  readonly partnerId: string | null;
  readonly programId: string;
  /** The family of refresh tokens (one login) that it came from. */
  readonly sessionId: string;
}

export interface SigningKey {
  readonly kid: string;
  readonly secret: string;
}

export interface AccessTokens {
  readonly lifetimeSeconds: number;
  issue(subject: TokenSubject): string;
  /** The subject of a token that is ours, meant for us and not expired; otherwise undefined. */
  verify(token: string): TokenSubject | undefined;
  /** The same, and when the token ends (ms). */
  read(token: string): { readonly subject: TokenSubject; readonly expiresAt: number } | undefined;
}

const claimsSchema = z.object({
  iss: z.literal(ISSUER),
  aud: z.literal(AUDIENCE),
  sub: z.string(),
  sid: z.string(),
  name: z.string(),
  role: z.enum(USER_ROLES),
  pid: z.string().nullable(),
  prg: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
});

const toSegment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** The key as an object: imported from text for each signature, it would cost three times the signature. */
const toKey = (secret: string): KeyObject => createSecretKey(Buffer.from(secret));
const sign = (key: KeyObject, input: string) => createHmac('sha256', key).update(input).digest('base64url');

function isEqualText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function parseClaims(segment: string) {
  try {
    return claimsSchema.safeParse(JSON.parse(Buffer.from(segment, 'base64url').toString()));
  } catch {
    return undefined;
  }
}

/**
 * Access tokens as JWT (HS256). The header of a token must equal, byte for byte, one that we issue: there is no
 * algorithm to choose, no key URL to follow and nothing to parse before the signature has been checked.
 * The first key signs; all verify.
 */
export function createAccessTokens(options: {
  readonly keys: readonly SigningKey[];
  readonly lifetimeSeconds: number;
  readonly clock: () => Date;
}): AccessTokens {
  const nowSeconds = () => Math.floor(options.clock().getTime() / 1000);
  const keys = new Map(
    options.keys.map((key) => [toSegment({ alg: 'HS256', typ: 'JWT', kid: key.kid }), toKey(key.secret)]),
  );
  const [signing] = keys;
  if (signing === undefined) throw new Error('Access tokens need at least one signing key');
  const [signingHeader, signingKey] = signing;

  return {
    lifetimeSeconds: options.lifetimeSeconds,
    issue(subject) {
      const iat = nowSeconds();
      const claims: z.output<typeof claimsSchema> = {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: subject.userId,
        sid: subject.sessionId,
        name: subject.name,
        role: subject.role,
        pid: subject.partnerId,
        prg: subject.programId,
        iat,
        exp: iat + options.lifetimeSeconds,
        jti: newId(),
      };
      const input = `${signingHeader}.${toSegment(claims)}`;
      return `${input}.${sign(signingKey, input)}`;
    },
    verify: (token) => read(token)?.subject,
    read,
  };

  function read(token: string) {
    const [header, payload, signature, ...rest] = token.split('.');
    if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) return;
    const key = keys.get(header);
    if (key === undefined) return;
    if (!isEqualText(signature, sign(key, `${header}.${payload}`))) return;
    const claims = parseClaims(payload);
    if (claims?.success !== true || claims.data.exp <= nowSeconds()) return;
    const { sub, sid, name, role, pid, prg } = claims.data;
    const subject = { userId: sub, sessionId: sid, name, role, partnerId: pid, programId: prg };
    return { subject, expiresAt: claims.data.exp * 1_000 };
  }
}
