import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

export interface KeyedHashes {
  /** Of a first-party cookie or a session id: either may be the visitor. */
  visitor(value: string): string;
  fingerprint(value: string): string;
  /** Of the shop's reference of a customer. */
  customer(value: string): string;
}

/**
 * SHA-256 keyed with a pepper that is in no database, so that nobody can try out references or cookies against stored
 * hashes. Each kind has a domain of its own: equal values of two kinds do not match.
 */
export function createKeyedHashes(pepper: string): KeyedHashes {
  const key = createSecretKey(Buffer.from(pepper));
  return {
    visitor: (value) => keyedHash(key, 'visitor', value),
    fingerprint: (value) => keyedHash(key, 'fingerprint', value),
    customer: (value) => keyedHash(key, 'customer', value),
  };
}

function keyedHash(key: KeyObject, kind: string, value: string): string {
  return createHmac('sha256', key).update(`${kind}:${value}`).digest('base64url');
}
