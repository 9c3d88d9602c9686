import type { KeyObject } from 'node:crypto';
import type { PreviousSecret } from '@tributary/schema/tables';
import type { SecretBox } from '../encryption/secret-box.ts';
import { secretKey } from './secret.ts';

export interface SealedSecrets {
  readonly endpointId: string;
  readonly secretCiphertext: string;
  readonly previousSecrets: readonly PreviousSecret[];
}

/** The keys that sign for an endpoint at a moment: the present secret first, then rotated ones that have not expired. */
export type SigningKeys = (sealed: SealedSecrets, at: Date) => readonly KeyObject[];

/** Opening a secret costs a decryption; what was opened stays in memory, bounded, for the deliveries that follow. */
export function createSigningKeys(box: SecretBox, capacity = 10_000): SigningKeys {
  const opened = new Map<string, KeyObject>();
  const open = (ciphertext: string, endpointId: string): KeyObject => {
    const known = opened.get(ciphertext);
    if (known !== undefined) return known;
    const key = secretKey(box.open(ciphertext, endpointId));
    const oldest = opened.keys().next();
    if (opened.size >= capacity && oldest.done !== true) opened.delete(oldest.value);
    opened.set(ciphertext, key);
    return key;
  };
  return ({ endpointId, secretCiphertext, previousSecrets }, at) => [
    open(secretCiphertext, endpointId),
    ...previousSecrets
      .filter(({ expiresAt }) => Date.parse(expiresAt) > at.getTime())
      .map(({ ciphertext }) => open(ciphertext, endpointId)),
  ];
}
