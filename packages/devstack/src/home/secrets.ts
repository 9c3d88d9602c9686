import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { z } from 'zod';

import { readJson, writePrivateJson } from './files.ts';

const secretsSchema = z.object({
  identitySecret: z.string(),
  jwtSecrets: z.string(),
  webhookEncryptionKey: z.string(),
  hashPepper: z.string(),
  adminPassword: z.string(),
  partnerPassword: z.string(),
  apiKey: z.string(),
});

/** What a stack keeps secret, made once per home. */
export type StackSecrets = z.output<typeof secretsSchema>;

const KEY_BYTES = 32;
const PASSWORD_BYTES = 9;
const random = (bytes: number): string => randomBytes(bytes).toString('base64url');

function makeSecrets(): StackSecrets {
  return {
    identitySecret: random(KEY_BYTES),
    jwtSecrets: `k1:${random(KEY_BYTES)}`,
    // AES-256: exactly 32 bytes.
    webhookEncryptionKey: randomBytes(KEY_BYTES).toString('base64'),
    hashPepper: random(KEY_BYTES),
    adminPassword: `admin-${random(PASSWORD_BYTES)}`,
    partnerPassword: `partner-${random(PASSWORD_BYTES)}`,
    apiKey: `tb_live_${random(KEY_BYTES)}`,
  };
}

/** Reads the secrets of a home, or makes them the first time. Losing them loses what was encrypted or hashed with them. */
export function keepSecrets(home: string): StackSecrets {
  const file = join(home, 'secrets.json');
  const kept = readJson(file, secretsSchema);
  if (kept !== undefined) return kept;
  const made = makeSecrets();
  writePrivateJson(file, made);
  return made;
}
