import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const IV_BYTES = 12;
const KEY_BYTES = 32;

/** Encrypts endpoint secrets at rest. */
export interface SecretBox {
  /** `keyId:iv:tag:ciphertext`. `boundTo` (the endpoint's id) must be given again to open it, so that a ciphertext moved to another row is worthless. */
  seal(plaintext: string, boundTo: string): string;
  /**
   * @throws {UnknownKeyError} when none of its keys sealed the text
   * @throws when the text was changed or moved
   */
  open(sealed: string, boundTo: string): string;
  /** Whether one of its older keys sealed it, so that it should be sealed anew. Of a key it does not know it cannot say. */
  isOutdated(sealed: string): boolean;
  readonly previousKeyIds: readonly string[];
}

/** Sealed with a key that this process was not given; another one may have it. */
export class UnknownKeyError extends Error {
  override readonly name = 'UnknownKeyError';
  readonly keyId: string;

  constructor(keyId: string) {
    super(`No encryption key with id ${keyId} is configured.`);
    this.keyId = keyId;
  }
}

/**
 * AES-256-GCM under keys given as base64 of 32 bytes. The first seals; the others only open what was sealed before a
 * rotation. A key is known by the head of its hash, so that nobody has to invent names for keys.
 */
export function createSecretBox(texts: readonly string[]): SecretBox {
  const keys = new Map(texts.map((text) => identify(text)));
  const [current] = keys;
  if (current === undefined) throw new Error('An encryption key is needed.');
  const [currentKeyId, sealingKey] = current;
  const previousKeyIds = [...keys.keys()].slice(1);
  return {
    previousKeyIds,
    seal(plaintext, boundTo) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', sealingKey, iv).setAAD(Buffer.from(boundTo));
      const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return [
        currentKeyId,
        ...[iv, cipher.getAuthTag(), ciphertext].map((part) => part.toString('base64url')),
      ].join(':');
    },
    open(sealed, boundTo) {
      const [keyId = '', ...parts] = sealed.split(':');
      const key = keys.get(keyId);
      if (key === undefined) throw new UnknownKeyError(keyId);
      const [iv = empty, tag = empty, ciphertext = empty] = parts.map((part) =>
        Buffer.from(part, 'base64url'),
      );
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
      decipher.setAAD(Buffer.from(boundTo)).setAuthTag(tag);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
    },
    isOutdated: (sealed) => previousKeyIds.includes(sealed.slice(0, sealed.indexOf(':'))),
  };
}

/** True for base64 of exactly 32 bytes. */
export function isEncryptionKey(text: string): boolean {
  const bytes = Buffer.from(text, 'base64');
  return (
    bytes.length === KEY_BYTES && bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '')
  );
}

const empty = Buffer.alloc(0);

function identify(text: string): [string, Buffer] {
  if (!isEncryptionKey(text)) throw new Error('An encryption key must be the base64 of 32 bytes.');
  const key = Buffer.from(text, 'base64');
  return [createHash('sha256').update(key).digest('hex').slice(0, 8), key];
}
