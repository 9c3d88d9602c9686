import type { Database } from '@tributary/schema';
import type { PreviousSecret } from '@tributary/schema/tables';
import type { SecretBox } from '../encryption/secret-box.ts';

interface OutdatedRow {
  readonly programId: string;
  readonly id: string;
  readonly secretCiphertext: string;
  readonly previousSecrets: readonly PreviousSecret[];
}

const OUTDATED = `
  SELECT program_id, id, secret_ciphertext, previous_secrets FROM webhook_endpoints
  WHERE deleted_at IS NULL AND (secret_ciphertext NOT LIKE $1 || ':%' OR EXISTS (
    SELECT FROM jsonb_array_elements(previous_secrets) p WHERE p ->> 'ciphertext' NOT LIKE $1 || ':%'))
  LIMIT 100`;

// Only where the secret is still the one that was read: a rotation meanwhile wins.
const RESEAL = `
  UPDATE webhook_endpoints SET secret_ciphertext = $4, previous_secrets = $5::jsonb
  WHERE program_id = $1 AND id = $2 AND secret_ciphertext = $3`;

/**
 * Seals up to 100 secrets anew that an older encryption key sealed, so that the older key can be dropped from the
 * environment once none is left. Called again and again; answers how many it did.
 */
export async function resealSecrets(db: Pick<Database, 'query'>, box: SecretBox): Promise<number> {
  const rows = await db.query<OutdatedRow>(OUTDATED, [box.currentKeyId]);
  for (const { programId, id, secretCiphertext, previousSecrets } of rows) {
    const reseal = (ciphertext: string): string => box.seal(box.open(ciphertext, id), id);
    await db.query(RESEAL, [
      programId,
      id,
      secretCiphertext,
      reseal(secretCiphertext),
      previousSecrets.map(({ ciphertext, expiresAt }) => ({ ciphertext: reseal(ciphertext), expiresAt })),
    ]);
  }
  return rows.length;
}
