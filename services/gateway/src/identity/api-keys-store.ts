import type { StoredEvent } from '@tributary/event-catalog';
import type { CommandContext, Scope } from '@tributary/http-kit';
import { newId } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { auditInsert, auditParameter } from './audit.ts';
import { answerInsert, answerParameter, NO_DATA } from './kept-answer.ts';
import type { ListedTable } from './listed-rows.ts';
import { API_KEY_PREFIX, hashToken, newToken, shownPrefix } from './random-tokens.ts';

type Db = Pick<Database, 'query'>;

/** A key as it is listed: everything but the secret, which nobody has. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: Scope[];
  readonly partnerId: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

const COLUMN_OF = {
  id: 'id',
  name: 'name',
  prefix: 'prefix',
  scopes: 'scopes',
  partnerId: 'partner_id',
  createdAt: 'created_at',
  expiresAt: 'expires_at',
  revokedAt: 'revoked_at',
  lastUsedAt: 'last_used_at',
} as const satisfies Record<keyof ApiKey, string>;

const COLUMNS = Object.values(COLUMN_OF).join(', ');

/** What the gateway needs to let a key in. */
export interface UsableKey {
  readonly id: string;
  readonly programId: string;
  readonly name: string;
  readonly scopes: Scope[];
  readonly partnerId: string | null;
  readonly expiresAt: Date | null;
}

const FIND_USABLE = `
  SELECT id, program_id, name, scopes, partner_id, expires_at
  FROM api_keys
  WHERE program_id = $1 AND key_hash = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)`;

export async function findUsableKey(
  db: Db,
  programId: string,
  keyHash: string,
  now: Date,
): Promise<UsableKey | undefined> {
  const [row] = await db.query<UsableKey>(FIND_USABLE, [programId, keyHash, now]);
  return row;
}

export interface NewApiKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly partnerId?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

const CREATE = `
  WITH created AS (
    INSERT INTO api_keys (id, program_id, name, prefix, key_hash, scopes, partner_id, created_by, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    RETURNING *
  ), audited AS (${auditInsert({ from: 'created', entityType: 'api_key', action: "'created'", parameter: 11 })})
  SELECT ${COLUMNS} FROM created`;

/** Makes a key and answers it with its secret, which is kept nowhere. */
export async function createApiKey(
  db: Db,
  context: CommandContext,
  input: NewApiKey,
): Promise<ApiKey & { readonly key: string }> {
  const key = newToken(API_KEY_PREFIX);
  const { name, scopes, partnerId = null, expiresAt } = input;
  const given = { name, scopes, partnerId, expiresAt: expiresAt?.toISOString() ?? null };
  const changes = Object.entries(given)
    .filter(([, newValue]) => newValue !== null)
    .map(([field, newValue]) => ({ field, oldValue: null, newValue }));
  const [row] = await db.query<ApiKey>(CREATE, [
    newId(),
    context.programId,
    name,
    shownPrefix(key),
    hashToken(key),
    [...scopes],
    partnerId,
    context.actor.kind === 'user' ? context.actor.id : null,
    context.now,
    expiresAt ?? null,
    auditParameter(context, changes),
  ]);
  if (row === undefined) throw new Error('The statement that creates an API key answered no row');
  return { ...row, key };
}

export const API_KEY_LIST: ListedTable<ApiKey, 'createdAt' | 'name'> = {
  table: 'api_keys',
  columns: COLUMN_OF,
  sortable: {
    createdAt: { column: 'created_at', type: 'timestamptz' },
    name: { column: 'name', type: 'text' },
  },
};

const REVOKE = `
  WITH revoked AS (
    UPDATE api_keys SET revoked_at = $3
    WHERE program_id = $1 AND id = $2 AND revoked_at IS NULL
    RETURNING id, program_id, prefix
  ), audited AS (${auditInsert({ from: 'revoked', entityType: 'api_key', action: "'revoked'", parameter: 4 })}
  ), kept AS (${answerInsert({ from: 'revoked', data: NO_DATA, parameter: 8 })})
  INSERT INTO outbox_events (id, program_id, type, subject, actor, request_id, data, occurred_at)
  SELECT $5::uuid, program_id, 'apikey.revoked', jsonb_build_object('apiKeyId', id), $6::jsonb, $7::text,
         jsonb_build_object('apiKeyId', id, 'prefix', prefix), $3::timestamptz
  FROM revoked
  RETURNING id, type, program_id, subject, actor, request_id, data, occurred_at, created_at`;

type OutboxRow = Omit<StoredEvent<'apikey.revoked'>, 'version' | 'occurredAt'> & {
  readonly occurredAt: Date;
};

/** Ends a key. Answers the event to publish, or undefined when there is no such key in use. */
export async function revokeApiKey(
  db: Db,
  context: CommandContext,
  id: string,
): Promise<StoredEvent<'apikey.revoked'> | undefined> {
  const [row] = await db.query<OutboxRow>(REVOKE, [
    context.programId,
    id,
    context.now,
    auditParameter(context, [{ field: 'revokedAt', oldValue: null, newValue: context.now.toISOString() }]),
    newId(),
    context.actor,
    context.requestId,
    answerParameter(context),
  ]);
  if (row === undefined) return undefined;
  return { ...row, version: 1, occurredAt: row.occurredAt.toISOString() };
}

const TOUCH = `
  UPDATE api_keys SET last_used_at = used.at
  FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)
  WHERE api_keys.program_id = $3 AND api_keys.id = used.id`;

/** Notes when keys were last used; several at once, rarely, since nobody needs it to the second. */
export async function touchApiKeys(
  db: Db,
  programId: string,
  uses: ReadonlyMap<string, Date>,
): Promise<void> {
  await db.query(TOUCH, [[...uses.keys()], [...uses.values()], programId]);
}
