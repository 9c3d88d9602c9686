import { createHash, randomBytes } from 'node:crypto';

export const API_KEY_PREFIX = 'tb_live_';
/** How much of a key is shown in lists: enough to tell keys apart, 24 of 256 bits. */
const SHOWN_CHARACTERS = API_KEY_PREFIX.length + 4;

/** A refresh token or the secret of an API key: 256 random bits. */
export function newToken(prefix = ''): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** What is stored in a token's place. It is random and long, so that one SHA-256 without salt cannot be reversed. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The beginning of a key, by which people recognise it. */
export function shownPrefix(key: string): string {
  return key.slice(0, SHOWN_CHARACTERS);
}
