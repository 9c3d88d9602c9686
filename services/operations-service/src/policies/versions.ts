import type { Database } from '@tributary/schema';
import { versionWire } from './policy-wire.ts';

const VERSIONS = `
  SELECT (SELECT json_agg(${versionWire('v')} ORDER BY v.version DESC) FROM commission_policy_versions v
    WHERE v.program_id = p.program_id AND v.policy_id = p.id)::text AS versions
  FROM commission_policies p WHERE p.program_id = $1 AND p.id = $2`;

/** The JSON text of every version of a policy's terms, the newest first; undefined where there is no such policy. */
export async function listVersions(
  db: Pick<Database, 'query'>,
  programId: string,
  id: string,
): Promise<string | undefined> {
  const [row] = await db.query<{ versions: string }>(VERSIONS, [programId, id]);
  return row?.versions;
}
