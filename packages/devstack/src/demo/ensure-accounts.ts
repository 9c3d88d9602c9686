import { argon2, createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

import { SCOPES } from '@tributary/http-kit';
import { type Database, DEFAULT_PROGRAM } from '@tributary/schema';

import type { Accounts } from './accounts.ts';

/** OWASP's first choice for argon2id, as the gateway's: it verifies what is written here. */
const ARGON2 = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
const SALT_BYTES = 16;
const SHOWN_KEY_CHARACTERS = 12;

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** Hashes with Node's own argon2id into the string form that every verifier reads. */
async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const hash = await promisify(argon2)('argon2id', { ...ARGON2, message: password, nonce });
  const cost = `m=${ARGON2.memory},t=${ARGON2.passes},p=${ARGON2.parallelism}`;
  return `$argon2id$v=19$${cost}$${unpadded(nonce)}$${unpadded(hash)}`;
}

// Finds it by itself rather than by a conflict: so a later release may let partners share an address.
const ENSURE_PARTNER = `
  WITH there AS (
    SELECT id FROM partners WHERE program_id = $1 AND lower(email) = lower($2) ORDER BY created_at, id LIMIT 1
  ), made AS (
    INSERT INTO partners (id, program_id, name, email, tier)
    SELECT uuidv7(), $1, 'Harbour Reviews', $2, 'gold' WHERE NOT EXISTS (SELECT FROM there)
    RETURNING id
  ), code AS (
    INSERT INTO referral_codes (id, program_id, code, partner_id, is_default)
    SELECT uuidv7(), $1, 'HARBOUR', id, true FROM made
  )
  SELECT id FROM made
  UNION ALL
  SELECT id FROM there`;

// A password that a person changed stays changed.
const ENSURE_USER = `
  INSERT INTO users (id, program_id, email, name, role, partner_id, password_hash)
  VALUES (uuidv7(), $1, $2, $3, $4, $5, $6)
  ON CONFLICT (program_id, lower(email)) DO NOTHING`;

const ENSURE_KEY = `
  INSERT INTO api_keys (id, program_id, name, prefix, key_hash, scopes)
  VALUES (uuidv7(), $1, 'development key', $2, $3, $4)
  ON CONFLICT (program_id, key_hash) DO UPDATE SET scopes = EXCLUDED.scopes`;

/**
 * Makes the accounts that stack.json names where they are missing: a super_admin, a partner with its login, and an API
 * key with every scope. Safe to run at every start.
 * @param db as owner
 * @returns the id of the partner who can log in
 */
export async function ensureAccounts(db: Database, accounts: Accounts): Promise<string> {
  const { admin, partner, apiKey } = accounts;
  const [row] = await db.query<{ id: string }>(ENSURE_PARTNER, [DEFAULT_PROGRAM, partner.email]);
  if (row === undefined) throw new Error('the demonstration partner was neither made nor found');
  const [adminHash, partnerHash] = await Promise.all([
    hashPassword(admin.password),
    hashPassword(partner.password),
  ]);
  await db.query(ENSURE_USER, [DEFAULT_PROGRAM, admin.email, 'Ada Admin', 'super_admin', null, adminHash]);
  await db.query(ENSURE_USER, [
    DEFAULT_PROGRAM,
    partner.email,
    'Pat Partner',
    'partner',
    row.id,
    partnerHash,
  ]);
  const keyHash = createHash('sha256').update(apiKey).digest('hex');
  await db.query(ENSURE_KEY, [DEFAULT_PROGRAM, apiKey.slice(0, SHOWN_KEY_CHARACTERS), keyHash, SCOPES]);
  return row.id;
}
