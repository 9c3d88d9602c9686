import { jobWire } from '@tributary/commissions';
import type { Database } from '@tributary/schema';

export const IMPORT_JOB = 'import-conversions';

/** Lines by their numbers: a text of more digits is a larger number. */
const IMPORT = `
  SELECT left(${jobWire('j')}::text, -1) || ', ' || substr(json_build_object(
    'results', (SELECT coalesce(json_agg(json_build_object('id', r.item_id, 'success', r.success, 'code', r.code,
        'detail', r.detail) ORDER BY length(r.item_id), r.item_id), '[]'::json)
      FROM (SELECT * FROM job_results WHERE program_id = $1 AND job_id = $2 AND ($5::boolean IS NULL OR success = $5)
        ORDER BY length(item_id), item_id LIMIT $6::int OFFSET $7::int) r),
    'resultsTotal', (SELECT count(*)::int FROM job_results
      WHERE program_id = $1 AND job_id = $2 AND ($5::boolean IS NULL OR success = $5)))::text, 2) AS job
  FROM jobs j WHERE j.program_id = $1 AND j.id = $2 AND j.name = '${IMPORT_JOB}'
    AND j.actor ->> 'kind' = $3 AND j.actor ->> 'id' = $4`;

export interface ImportQuery {
  readonly id: string;
  readonly success?: boolean | undefined;
  readonly page: number;
  readonly limit: number;
}

/** The JSON text of an import with a page of its results, for who sent it; nothing for anybody else. */
export async function findImport(
  db: Pick<Database, 'query'>,
  owner: { readonly programId: string; readonly kind: string; readonly id: string | null },
  { id, success, page, limit }: ImportQuery,
): Promise<string | undefined> {
  const [row] = await db.query<{ job: string }>(IMPORT, [
    owner.programId,
    id,
    owner.kind,
    owner.id,
    success ?? null,
    limit,
    (page - 1) * limit,
  ]);
  return row?.job;
}
