import { createHash, createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { constraintName, sqlState } from '@tributary/schema';
import type { Database } from '@tributary/schema';
import { sendJsonText } from './answers.ts';
import { AppError, commonErrors, validationError } from './errors.ts';
import { pathOf } from './error-handler.ts';
import type { RecoverFromFailure } from './error-handler.ts';
import type { IdempotencyContext } from './idempotency-context.ts';
import type { IdentityKey } from './identity.ts';
import { principalOf } from './observation.ts';
import { versionEtag } from './versions.ts';

type Queries = Pick<Database, 'query'>;

export interface IdempotencyDeps {
  readonly db: Queries;
  /** From `deriveBodyKey`. */
  readonly bodyKey: KeyObject;
}

/**
 * The key under which bodies are hashed: a body may hold a password, which a plain hash would give away to whoever guesses.
 * Another key than that of identities, or a hash in the table could be one of a body that is a forged identity.
 */
export function deriveBodyKey(identityKey: IdentityKey): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', identityKey, 'tributary-idempotency', 'body', 32)));
}

interface StoredAnswer {
  readonly bodyHash: string;
  readonly status: number;
  readonly answer: string;
  readonly version: number | null;
  readonly expired: boolean;
}

const KEY_MATCHES = `program_id = $1 AND principal = $2 AND method = $3 AND path = $4 AND key = $5`;

/** The version of the record at a place in the answer; `$id` is the id that the path names. */
const versionAt = (place: string): string => `
           jsonb_path_query_first(answer, '${place}.version ? (@.type() == "number")',
             jsonb_build_object('id', lower(substring($4 FROM '.*/([0-9a-fA-F-]{36})'))))`;

// For the ETag: of the record that the answer is, of its conversion, or of that of its conversions which the path names. Nowhere
// else is looked, as metadata may hold anything.
const FIND = `
  SELECT body_hash, status, answer::text AS answer,
         coalesce(${versionAt('$.data')}, ${versionAt('$.data.conversion')},
           ${versionAt('$.data.conversions[*] ? (@.id == $id)')})::int AS version,
         created_at < now() - interval '24 hours' AS expired
  FROM idempotency_keys WHERE ${KEY_MATCHES}`;

const DROP_EXPIRED = `
  DELETE FROM idempotency_keys WHERE ${KEY_MATCHES} AND created_at < now() - interval '24 hours'`;

const STORE = `
  INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
  VALUES ($1, $2, $3, $4, $5, $6, $7::int, $8::jsonb)`;

/** Statuses in the order in which they tell best what a success of the route is: creation, acceptance, action. */
const SUCCESS_STATUSES = [201, 202, 200] as const;

/**
 * Before the handler: replays the answer to an earlier request with the same key, or notes on the request what the
 * statement of the effect has to store. True when it has answered.
 */
export async function replayOrNote(
  { db, bodyKey }: IdempotencyDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<boolean> {
  const idempotency = noteOf(request, bodyKey);
  if (idempotency === undefined) return false;
  // An expired key is dropped by looking for it.
  const stored = await findAnswer(db, request.identity.programId, idempotency);
  const isStream = request.routeOptions.config.streamsBody === true;
  if (stored !== undefined && !isStream) return replay(stored, { idempotency, request, reply });
  request.idempotency = idempotency;
  return false;
}

/**
 * After a failure: the loser of a race between two requests with one key fails on the key's row, on the changed state
 * or on waiting for the winner's lock. What the winner stored is then the answer to both.
 */
export function recoverByReplay(db: Queries): RecoverFromFailure {
  return async (error, request, reply) => {
    const { idempotency } = request;
    if (idempotency === null || error.spec.status >= 500) return error;
    const stored = await findAnswer(db, request.identity.programId, idempotency);
    if (stored !== undefined) {
      replay(stored, { idempotency, request, reply });
      return 'answered';
    }
    return isStillInFlight(error) ? inProgress(error) : error;
  };
}

/**
 * What a body was that has passed as a stream: only then can the key be noted, and a repetition be told from a misuse. The
 * statement of the effect fails on the key of a repetition, which is then answered as the first was.
 */
export function noteBodyHash(request: FastifyRequest, bodyHash: string): void {
  if (request.idempotency !== null) request.idempotency = { ...request.idempotency, bodyHash };
}

/**
 * Stores the answer of an effect that is not one statement of ours (a call to another system): after it, so a crash
 * between the two repeats the effect. Does nothing without an `Idempotency-Key`.
 */
export async function rememberAnswer(
  db: Queries,
  request: FastifyRequest,
  answer: { readonly status: number; readonly body: object },
): Promise<void> {
  const { idempotency } = request;
  if (idempotency === null) return;
  const key = keyParams(request.identity.programId, idempotency);
  await db.query(STORE, [...key, idempotency.bodyHash, answer.status, answer.body]);
}

function noteOf(request: FastifyRequest, bodyKey: KeyObject): IdempotencyContext | undefined {
  const { config } = request.routeOptions;
  const key = request.headers['idempotency-key'];
  if (key === undefined || config.idempotency === false || config.internal === true) return undefined;
  if (!takesKey(request.method)) return undefined;
  const principal = principalOf(request);
  // Keys of the public would be shared by everybody.
  if (principal === undefined || principal === 'public') return undefined;
  return {
    principal,
    method: request.method,
    path: pathOf(request.url),
    key: checkedKey(key),
    bodyHash: createHmac('sha256', bodyKey).update(request.bodyText).digest('hex'),
    status: successStatus(request.routeOptions.schema?.response),
  };
}

export function takesKey(method: string): boolean {
  return method === 'POST' || method === 'PATCH' || method === 'DELETE' || method === 'PUT';
}

function checkedKey(key: string | string[]): string {
  if (typeof key === 'string' && /^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw validationError([
    { path: 'Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' },
  ]);
}

/** The status of a route's success, by its response schemas. */
function successStatus(response: unknown): number {
  if (typeof response !== 'object' || response === null) return 200;
  return SUCCESS_STATUSES.find((status) => status in response) ?? 200;
}

async function findAnswer(
  db: Queries,
  programId: string,
  idempotency: IdempotencyContext,
): Promise<StoredAnswer | undefined> {
  const key = keyParams(programId, idempotency);
  const [stored] = await db.query<StoredAnswer>(FIND, key);
  if (stored?.expired !== true) return stored;
  await db.query(DROP_EXPIRED, key);
  return undefined;
}

function keyParams(programId: string, { principal, method, path, key }: IdempotencyContext): string[] {
  return [programId, principal, method, path, key];
}

interface Repetition {
  readonly idempotency: IdempotencyContext;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function replay(stored: StoredAnswer, { idempotency, request, reply }: Repetition): true {
  if (stored.bodyHash !== idempotency.bodyHash && stored.bodyHash !== plainHash(request)) {
    throw new AppError(
      commonErrors.IDEMPOTENCY_KEY_REUSED,
      'This Idempotency-Key came with another body before',
    );
  }
  if (stored.version !== null) reply.header('etag', versionEtag(stored.version));
  reply.code(stored.status).header('idempotency-replayed', 'true');
  sendJsonText(reply, stored.answer);
  return true;
}

/** As releases store it whose hashes have no key: one may run beside this one, or have run less than a day ago. */
function plainHash(request: FastifyRequest): string {
  return createHash('sha256').update(request.bodyText).digest('hex');
}

/** The winner has neither committed nor failed yet: its key's row or its lock was in the way. */
function isStillInFlight({ extra }: AppError): boolean {
  const state = sqlState(extra.cause);
  if (state === '55P03') return true;
  return state === '23505' && constraintName(extra.cause)?.startsWith('idempotency_keys') === true;
}

function inProgress(cause: AppError): AppError {
  return new AppError(
    commonErrors.IDEMPOTENCY_IN_PROGRESS,
    'The first request with this Idempotency-Key has not ended yet; repeat this one shortly',
    { cause, headers: { 'retry-after': '1' } },
  );
}
