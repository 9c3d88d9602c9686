import type { Database } from '@tributary/schema';
import { pageOf, type PageOf } from '../lists/page-of.ts';
import { versionWire } from './policy-wire.ts';

const OWN_VERSIONS =
  'FROM commission_policy_versions v WHERE v.program_id = p.program_id AND v.policy_id = p.id';
const VERSIONS = `
  SELECT (SELECT coalesce(json_agg(${versionWire('v')} ORDER BY v.version DESC), '[]'::json)
    FROM (SELECT v.* ${OWN_VERSIONS} ORDER BY v.version DESC LIMIT $3::int OFFSET $4::int) v)::text AS rows,
    (SELECT count(*)::int ${OWN_VERSIONS}) AS counted
  FROM commission_policies p WHERE p.program_id = $1 AND p.id = $2`;

/** A page of the versions of a policy's terms, the newest first; undefined where there is no such policy. */
export function listVersions(
  db: Pick<Database, 'query'>,
  programId: string,
  asked: PageOf,
): Promise<string | undefined> {
  return pageOf(db, VERSIONS, programId, asked);
}
