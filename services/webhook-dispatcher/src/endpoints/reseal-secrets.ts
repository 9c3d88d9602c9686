import type { Logger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import type { PreviousSecret } from '@tributary/schema/tables';
import type { SecretBox } from '../encryption/secret-box.ts';

interface OutdatedRow {
  readonly programId: string;
  readonly id: string;
  readonly secretCiphertext: string;
  readonly previousSecrets: readonly PreviousSecret[];
}

export interface ResealDeps {
  readonly db: Pick<Database, 'query'>;
  readonly secretBox: SecretBox;
  readonly logger: Logger;
}

// What a key that this process does not have has sealed is left alone: while a key is being changed that is the newer one.
const OUTDATED = `
  SELECT program_id, id, secret_ciphertext, previous_secrets FROM webhook_endpoints
  WHERE deleted_at IS NULL AND id <> ALL ($2::uuid[]) AND (
    split_part(secret_ciphertext, ':', 1) = ANY ($1::text[]) OR EXISTS (
      SELECT FROM jsonb_array_elements(previous_secrets) p WHERE split_part(p ->> 'ciphertext', ':', 1) = ANY ($1::text[])))
  LIMIT 100`;

// Only where the secret is still the one that was read: a rotation meanwhile wins.
const RESEAL = `
  UPDATE webhook_endpoints SET secret_ciphertext = $4, previous_secrets = $5::jsonb
  WHERE program_id = $1 AND id = $2 AND secret_ciphertext = $3`;

/**
 * Seals up to 100 secrets anew that an older encryption key sealed, so that the older key can be dropped from the
 * environment once none is left. Called again and again; answers how many rows it did. A secret that cannot be opened stays
 * as it is and is passed by from then on, so that it keeps nobody behind it.
 */
export function createResealer({ db, secretBox, logger }: ResealDeps): () => Promise<number> {
  const unopenable = new Set<string>();
  const resealOne = (ciphertext: string, id: string): string => {
    if (!secretBox.isOutdated(ciphertext)) return ciphertext;
    try {
      return secretBox.seal(secretBox.open(ciphertext, id), id);
    } catch (err) {
      logger.error({ err, endpointId: id }, 'the secret of an endpoint cannot be opened and stays as it is');
      unopenable.add(id);
      return ciphertext;
    }
  };
  return async () => {
    if (secretBox.previousKeyIds.length === 0) return 0;
    const rows = await db.query<OutdatedRow>(OUTDATED, [[...secretBox.previousKeyIds], [...unopenable]]);
    for (const { programId, id, secretCiphertext, previousSecrets } of rows) {
      await db.query(RESEAL, [
        programId,
        id,
        secretCiphertext,
        resealOne(secretCiphertext, id),
        previousSecrets.map(({ ciphertext, expiresAt }) => ({
          ciphertext: resealOne(ciphertext, id),
          expiresAt,
        })),
      ]);
    }
    return rows.filter(({ id }) => !unopenable.has(id)).length;
  };
}
