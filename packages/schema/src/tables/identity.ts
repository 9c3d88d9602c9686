import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ACCOUNT_STATUSES, USER_ROLES, type AccountStatus, type UserRole } from '../constants.ts';
import { createdAt, id, isOneOf, moment, programId, updatedAt } from './columns.ts';
import { partners } from './catalog.ts';

/** People. Their key is the id alone, so that the audit trail's reference can be set to null when one is deleted. */
export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    programId: programId(),
    email: text('email').notNull(),
    name: text('name').notNull(),
    role: text('role').$type<UserRole>().notNull(),
    partnerId: uuid('partner_id'),
    passwordHash: text('password_hash').notNull(),
    status: text('status').$type<AccountStatus>().notNull().default('active'),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    lastLoginAt: moment('last_login_at'),
  },
  (t) => [
    uniqueIndex('users_email_key').on(t.programId, sql`lower(${t.email})`),
    foreignKey({
      name: 'users_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    check('users_role_check', isOneOf(t.role, USER_ROLES)),
    check('users_status_check', isOneOf(t.status, ACCOUNT_STATUSES)),
    check('users_partner_check', sql`(${t.role} = 'partner') = (${t.partnerId} IS NOT NULL)`),
  ],
);

/** Refresh tokens: single use, hashed; reuse of one revokes its family. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    id: id(),
    programId: programId(),
    familyId: uuid('family_id').notNull(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    tokenHash: text('token_hash').notNull(),
    createdAt: createdAt(),
    expiresAt: moment('expires_at').notNull(),
    usedAt: moment('used_at'),
    revokedAt: moment('revoked_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('refresh_tokens_hash_key').on(t.programId, t.tokenHash),
    index('refresh_tokens_family').on(t.programId, t.familyId),
    index('refresh_tokens_user').on(t.userId),
    index('refresh_tokens_expiry').on(t.expiresAt),
  ],
);

/** Keys of machines: 256 bits, only the SHA-256 is kept. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: id(),
    programId: programId(),
    name: text('name').notNull(),
    prefix: text('prefix').notNull(),
    keyHash: text('key_hash').notNull(),
    scopes: text('scopes').array().notNull(),
    partnerId: uuid('partner_id'),
    createdBy: uuid('created_by').references(() => users.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
    expiresAt: moment('expires_at'),
    revokedAt: moment('revoked_at'),
    lastUsedAt: moment('last_used_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('api_keys_hash_key').on(t.programId, t.keyHash),
    foreignKey({
      name: 'api_keys_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
  ],
);

/** What changes results: reporting time zone, attribution model and window, default hold, pause switches. */
export const settings = pgTable(
  'settings',
  {
    programId: programId(),
    key: text('key').notNull(),
    value: jsonb('value').notNull(),
    version: integer('version').notNull().default(1),
    updatedAt: updatedAt(),
  },
  (t) => [primaryKey({ columns: [t.programId, t.key] })],
);
