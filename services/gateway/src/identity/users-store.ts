import type { CommandContext } from '@tributary/http-kit';
import { newId } from '@tributary/runtime';
import type { AccountStatus, Database, UserRole } from '@tributary/schema';
import { auditInsert, auditParameter, type AuditedChange, type Auditor } from './audit.ts';
import { answerInsert, answerParameter, NO_DATA } from './kept-answer.ts';
import type { ListedTable } from './listed-rows.ts';

type Db = Pick<Database, 'query'>;

/** A user as the API shows one. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: UserRole;
  readonly partnerId: string | null;
  readonly status: AccountStatus;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastLoginAt: Date | null;
}

const COLUMN_OF = {
  id: 'id',
  email: 'email',
  name: 'name',
  role: 'role',
  partnerId: 'partner_id',
  status: 'status',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  lastLoginAt: 'last_login_at',
} as const satisfies Record<keyof User, string>;

const COLUMNS = Object.values(COLUMN_OF).join(', ');

const moment = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** A user as it stands in an answer that is kept, which nobody serialises again. */
const ANSWER = `jsonb_build_object('id', id, 'email', email, 'name', name, 'role', role, 'partnerId', partner_id,
    'status', status, 'createdAt', ${moment('created_at')}, 'updatedAt', ${moment('updated_at')},
    'lastLoginAt', ${moment('last_login_at')})`;

export interface NewUser {
  readonly email: string;
  readonly name: string;
  readonly role: UserRole;
  readonly partnerId: string | null;
  readonly passwordHash: string;
}

const CREATE = `
  WITH created AS (
    INSERT INTO users (id, program_id, email, name, role, partner_id, password_hash, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
    RETURNING *
  ), audited AS (${auditInsert({ from: 'created', entityType: 'user', action: "'created'", parameter: 9 })}
  ), kept AS (${answerInsert({ from: 'created', data: ANSWER, parameter: 10 })})
  SELECT ${COLUMNS} FROM created`;

/** Throws Postgres's 23505 when the address is taken and 23503 when there is no such partner. */
export async function createUser(db: Db, context: CommandContext, input: NewUser): Promise<User> {
  const { email, name, role, partnerId, passwordHash } = input;
  const changes = changesBetween({}, { email, name, role, partnerId });
  const [row] = await db.query<User>(CREATE, [
    newId(),
    context.programId,
    email,
    name,
    role,
    partnerId,
    passwordHash,
    context.now,
    auditParameter(context, changes),
    answerParameter(context),
  ]);
  if (row === undefined) throw new Error('The statement that creates a user answered no row');
  return row;
}

const FIND = `SELECT ${COLUMNS}, version FROM users WHERE program_id = $1 AND id = $2`;

export type VersionedUser = User & { readonly version: number };

export async function findUser(db: Db, programId: string, id: string): Promise<VersionedUser | undefined> {
  const [row] = await db.query<VersionedUser>(FIND, [programId, id]);
  return row;
}

export const USER_LIST: ListedTable<User, 'createdAt' | 'email' | 'name'> = {
  table: 'users',
  columns: COLUMN_OF,
  sortable: {
    createdAt: { column: 'created_at', type: 'timestamptz' },
    email: { column: 'lower(email)', type: 'text' },
    name: { column: 'name', type: 'text' },
  },
};

/** What of a user may change. */
export interface UserChange {
  readonly email: string;
  readonly name: string;
  readonly role: UserRole;
  readonly partnerId: string | null;
  readonly status: AccountStatus;
  /** Undefined leaves the password. */
  readonly passwordHash: string | undefined;
}

/** Whoever loses a role, a password or the account must log in again: its sessions end with the same statement. */
const UPDATE = `
  WITH updated AS (
    UPDATE users SET email = $4, name = $5, role = $6, partner_id = $7, status = $8,
      password_hash = coalesce($9, password_hash), version = version + 1, updated_at = $10
    WHERE program_id = $1 AND id = $2 AND version = $3
    RETURNING *
  ), ended AS (
    UPDATE refresh_tokens SET revoked_at = $10
    FROM updated
    WHERE refresh_tokens.user_id = updated.id AND refresh_tokens.revoked_at IS NULL AND $12
  ), audited AS (${auditInsert({ from: 'updated', entityType: 'user', action: "'updated'", parameter: 11 })}
  ), kept AS (${answerInsert({ from: 'updated', data: ANSWER, parameter: 13 })})
  SELECT ${COLUMNS} FROM updated`;

/** Changes a user as it was read (`before`); undefined when somebody else was faster. */
export async function updateUser(
  db: Db,
  context: CommandContext,
  before: VersionedUser,
  change: UserChange,
): Promise<User | undefined> {
  const { email, name, role, partnerId, status, passwordHash } = change;
  const audited: AuditedChange[] = changesBetween(before, { email, name, role, partnerId, status });
  if (passwordHash !== undefined) audited.push({ field: 'password', oldValue: null, newValue: null });
  const endsSessions =
    passwordHash !== undefined ||
    audited.some(({ field }) => ['role', 'partnerId', 'status'].includes(field));
  const [row] = await db.query<User>(UPDATE, [
    context.programId,
    before.id,
    before.version,
    email,
    name,
    role,
    partnerId,
    status,
    passwordHash ?? null,
    context.now,
    auditParameter(context, audited),
    endsSessions,
    answerParameter(context),
  ]);
  return row;
}

/** What an identity provider says of a person. */
export interface ExternalUser {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: UserRole;
}

/** No password fits it. */
const NO_PASSWORD = 'external';

const EXTERNAL_CHANGES = `(
    SELECT coalesce(jsonb_agg(jsonb_build_object('field', c.field, 'oldValue', c.old_value, 'newValue', c.new_value)), '[]')
    FROM (VALUES ('email', old_email, email), ('name', old_name, name), ('role', old_role, role)) AS c (field, old_value, new_value)
    WHERE c.old_value IS DISTINCT FROM c.new_value)`;

/** A row that says already what it is to say is only read: it is asked for once a minute per token. */
const KEEP_EXTERNAL = `
  WITH kept AS (
    INSERT INTO users (id, program_id, email, name, role, password_hash, created_at, updated_at, last_login_at)
    SELECT $2, $1, $3, $4, $5, '${NO_PASSWORD}', $6, $6, $6
    WHERE NOT EXISTS (
      SELECT FROM users WHERE program_id = $1 AND id = $2 AND (email, name, role) = ($3, $4, $5))
    ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name, role = excluded.role,
      partner_id = NULL, version = users.version + 1, updated_at = excluded.updated_at, last_login_at = excluded.last_login_at
    RETURNING users.*, old.email AS old_email, old.name AS old_name, old.role AS old_role
  ), audited AS (${auditInsert({
    from: 'kept',
    entityType: 'user',
    action: `CASE WHEN old_email IS NULL THEN 'created' ELSE 'updated' END`,
    parameter: 7,
    changes: EXTERNAL_CHANGES,
  })})
  SELECT status FROM kept UNION ALL SELECT status FROM users WHERE program_id = $1 AND id = $2 LIMIT 1`;

/** Nobody here asked for it: the provider said so. */
const byProvider = (now: Date): Auditor => ({
  actor: { kind: 'system', id: null, name: 'system:identity-provider' },
  requestId: null,
  ipAddress: null,
  userAgent: null,
  now,
});

/** Makes or changes the row of an external user; answers its status here. Throws 23505 when another has the address. */
export async function keepExternalUser(
  db: Db,
  programId: string,
  { id, email, name, role }: ExternalUser,
  now: Date,
): Promise<Pick<User, 'status'> | undefined> {
  const [row] = await db.query<Pick<User, 'status'>>(KEEP_EXTERNAL, [
    programId,
    id,
    email,
    name,
    role,
    now,
    auditParameter(byProvider(now)),
  ]);
  return row;
}

const LEFT = `jsonb_build_array(
    jsonb_build_object('field', 'email', 'oldValue', email, 'newValue', NULL),
    jsonb_build_object('field', 'name', 'oldValue', name, 'newValue', NULL),
    jsonb_build_object('field', 'role', 'oldValue', role, 'newValue', NULL),
    jsonb_build_object('field', 'partnerId', 'oldValue', partner_id, 'newValue', NULL))`;

const DELETE = `
  WITH deleted AS (
    DELETE FROM users WHERE program_id = $1 AND id = $2 AND password_hash <> '${NO_PASSWORD}' RETURNING *
  ), audited AS (${auditInsert({ from: 'deleted', entityType: 'user', action: "'deleted'", parameter: 3, changes: LEFT })}
  ), kept AS (${answerInsert({ from: 'deleted', data: NO_DATA, parameter: 4 })})
  SELECT id FROM deleted`;

/**
 * Removes a user; its sessions go with it, its audit rows stay under its name.
 * @returns false for a user that does not exist, and for an external one, whom the provider would bring back
 */
export async function deleteUser(db: Db, context: CommandContext, id: string): Promise<boolean> {
  const params = [context.programId, id, auditParameter(context), answerParameter(context)];
  const rows = await db.query(DELETE, params);
  return rows.length > 0;
}

function changesBetween<Fields extends object>(before: Partial<Fields>, after: Fields): AuditedChange[] {
  return Object.entries(after)
    .map(([field, newValue]) => ({ field, oldValue: before[field as keyof Fields] ?? null, newValue }))
    .filter(({ oldValue, newValue }) => oldValue !== newValue);
}
