import { DEFAULT_PROGRAM, type Database, type UserRole } from '@tributary/schema';
import type { LoginAdmission, LoginLimiter } from '../rate-limits/login-limiter.ts';
import type { AccessTokens } from './access-tokens.ts';
import { verifyPassword } from './passwords.ts';
import { newToken } from './random-tokens.ts';
import {
  findLogin,
  openSession,
  rotateSession,
  type RefreshGrant,
  type SessionUser,
} from './sessions-store.ts';

export interface LoginDeps {
  readonly db: Pick<Database, 'query'>;
  readonly tokens: AccessTokens;
  readonly limiter: LoginLimiter;
  readonly refreshTokenDays: number;
  readonly clock: () => Date;
}

/** What a client gets for a password or a refresh token. */
export interface Grant {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly user: {
    readonly id: string;
    readonly email: string;
    readonly name: string;
    readonly role: UserRole;
    readonly partnerId: string | null;
  };
}

export type Login =
  | { readonly outcome: 'granted'; readonly grant: Grant }
  | { readonly outcome: 'wrong' }
  | Exclude<LoginAdmission, { outcome: 'admitted' }>;

/** Logs a person in. Whether the account exists shows neither in the answer nor in its time. */
export async function logIn(
  deps: LoginDeps,
  input: { readonly email: string; readonly password: string; readonly address: string },
): Promise<Login> {
  const admission = await deps.limiter.admit(input.email, input.address);
  if (admission.outcome !== 'admitted') return admission;
  const account = await findLogin(deps.db, DEFAULT_PROGRAM, input.email);
  const isRight = await verifyPassword(input.password, account?.passwordHash);
  if (account === undefined || !isRight) return { outcome: 'wrong' };
  await deps.limiter.forgive(input.email, input.address);
  const refresh = newRefreshGrant(deps);
  const familyId = await openSession(deps.db, account, refresh);
  if (familyId === undefined) return { outcome: 'wrong' };
  return { outcome: 'granted', grant: toGrant(deps, account, { familyId, refresh }) };
}

/** New tokens for a refresh token; undefined when it is unknown, expired, used or revoked. */
export async function refreshSession(deps: LoginDeps, refreshToken: string): Promise<Grant | undefined> {
  const refresh = newRefreshGrant(deps);
  const rotation = await rotateSession(deps.db, DEFAULT_PROGRAM, refreshToken, refresh);
  if (rotation.outcome !== 'rotated') return undefined;
  return toGrant(deps, rotation.user, { familyId: rotation.familyId, refresh });
}

function newRefreshGrant({ clock, refreshTokenDays }: LoginDeps): RefreshGrant {
  const now = clock();
  return { token: newToken(), now, expiresAt: new Date(now.getTime() + refreshTokenDays * 86_400_000) };
}

function toGrant(
  { tokens }: LoginDeps,
  user: SessionUser,
  { familyId, refresh }: { readonly familyId: string; readonly refresh: RefreshGrant },
): Grant {
  const { id, email, name, role, partnerId, programId } = user;
  return {
    accessToken: tokens.issue({ userId: id, name, role, partnerId, programId, sessionId: familyId }),
    refreshToken: refresh.token,
    expiresIn: tokens.lifetimeSeconds,
    user: { id, email, name, role, partnerId },
  };
}
