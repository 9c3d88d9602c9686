import type { Database, UserRole } from '@tributary/schema';
import { newId } from '@tributary/runtime';
import { hashToken } from './random-tokens.ts';

type Db = Pick<Database, 'query'>;

/** A user as a session speaks for it. */
export interface SessionUser {
  readonly id: string;
  readonly programId: string;
  readonly email: string;
  readonly name: string;
  readonly role: UserRole;
  readonly partnerId: string | null;
}

const FIND_LOGIN = `
  SELECT id, program_id, email, name, role, partner_id, password_hash
  FROM users
  WHERE program_id = $1 AND lower(email) = lower($2) AND status = 'active' AND password_hash LIKE '$argon2%'`;

/** The account that may log in with this address, and its hash; none for whom an identity provider vouches. */
export async function findLogin(
  db: Db,
  programId: string,
  email: string,
): Promise<(SessionUser & { passwordHash: string }) | undefined> {
  const [row] = await db.query<SessionUser & { passwordHash: string }>(FIND_LOGIN, [programId, email]);
  return row;
}

const FIND_USER = `
  SELECT id, program_id, email, name, role, partner_id
  FROM users
  WHERE program_id = $1 AND id = $2 AND status = 'active'`;

export async function findActiveUser(
  db: Db,
  programId: string,
  id: string,
): Promise<SessionUser | undefined> {
  const [row] = await db.query<SessionUser>(FIND_USER, [programId, id]);
  return row;
}

export interface RefreshGrant {
  readonly token: string;
  readonly now: Date;
  readonly expiresAt: Date;
}

/** Verifying a password takes its time, in which it may have been changed. */
const OPEN_SESSION = `
  WITH seen AS (
    UPDATE users SET last_login_at = $6
    WHERE program_id = $2 AND id = $4 AND status = 'active' AND password_hash = $8 RETURNING id)
  INSERT INTO refresh_tokens (id, program_id, family_id, user_id, token_hash, created_at, expires_at)
  SELECT $1, $2, $3, id, $5, $6, $7 FROM seen RETURNING id`;

/** Starts a family of refresh tokens and answers its id; undefined when the account is no longer what its password was checked for. */
export async function openSession(
  db: Db,
  user: SessionUser & { readonly passwordHash: string },
  grant: RefreshGrant,
): Promise<string | undefined> {
  const familyId = newId();
  const { token, now, expiresAt } = grant;
  const opened = await db.query(OPEN_SESSION, [
    newId(),
    user.programId,
    familyId,
    user.id,
    hashToken(token),
    now,
    expiresAt,
    user.passwordHash,
  ]);
  return opened.length === 0 ? undefined : familyId;
}

// A revocation that waited for a rotation under way does not see its successor, but has always marked the token that was used: a
// family with a revoked token has ended.
const ROTATE = `
  WITH claimed AS (
    UPDATE refresh_tokens AS token SET used_at = $3
    FROM users
    WHERE token.program_id = $1 AND token.token_hash = $2
      AND token.used_at IS NULL AND token.revoked_at IS NULL AND token.expires_at > $3
      AND users.id = token.user_id AND users.status = 'active'
      AND NOT EXISTS (SELECT FROM refresh_tokens AS ended
        WHERE ended.program_id = token.program_id AND ended.family_id = token.family_id AND ended.revoked_at IS NOT NULL)
    RETURNING token.family_id, token.program_id, users.id, users.email, users.name, users.role, users.partner_id
  ), successor AS (
    INSERT INTO refresh_tokens (id, program_id, family_id, user_id, token_hash, created_at, expires_at)
    SELECT $4, program_id, family_id, id, $5, $3, $6 FROM claimed
  )
  SELECT * FROM claimed`;

const REVOKE_REUSED = `
  UPDATE refresh_tokens SET revoked_at = $3
  WHERE program_id = $1 AND revoked_at IS NULL AND family_id = (
    SELECT family_id FROM refresh_tokens WHERE program_id = $1 AND token_hash = $2 AND used_at IS NOT NULL)
  RETURNING id`;

export type Rotation =
  | { readonly outcome: 'rotated'; readonly user: SessionUser; readonly familyId: string }
  /** The token had been used: whoever holds its successors may be a thief, so the whole family ends. */
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' };

/** Trades a refresh token for its successor, once. */
export async function rotateSession(
  db: Db,
  programId: string,
  used: string,
  grant: RefreshGrant,
): Promise<Rotation> {
  const usedHash = hashToken(used);
  const { token, now, expiresAt } = grant;
  const params = [programId, usedHash, now, newId(), hashToken(token), expiresAt];
  const [row] = await db.query<SessionUser & { familyId: string }>(ROTATE, params);
  if (row !== undefined) {
    const { familyId, ...user } = row;
    return { outcome: 'rotated', user, familyId };
  }
  const revoked = await db.query(REVOKE_REUSED, [programId, usedHash, now]);
  return revoked.length > 0 ? { outcome: 'reused' } : { outcome: 'unknown' };
}

const CLOSE = `
  UPDATE refresh_tokens SET revoked_at = $4
  WHERE program_id = $1 AND revoked_at IS NULL AND (
    family_id = $2::uuid
    OR family_id = (SELECT family_id FROM refresh_tokens WHERE program_id = $1 AND token_hash = $3))`;

/** Ends a session, named by its family or by any of its refresh tokens. */
export async function closeSession(
  db: Db,
  programId: string,
  session: { readonly familyId: string | undefined; readonly refreshToken: string | undefined },
  now: Date,
): Promise<void> {
  const hash = session.refreshToken === undefined ? null : hashToken(session.refreshToken);
  await db.query(CLOSE, [programId, session.familyId ?? null, hash, now]);
}
