import { jobWire } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import type { ListSource } from '../lists/list-source.ts';

/** Ids that a bulk job was given may be ten thousand: a list does not repeat them. */
export const JOB_LIST = {
  from: 'jobs j',
  alias: 'j',
  columns: `j.id, j.name, j.trigger, j.status, j.total, j.succeeded, j.failed, j.skipped, j.stats,
    j.parameters - 'ids' AS parameters, j.actor, j.error, j.cancel_requested, j.created_at, j.started_at, j.finished_at`,
  wire: jobWire('j'),
  sorts: { createdAt: { expression: 'j.created_at', type: 'timestamptz' } },
} as const satisfies ListSource<string>;

const JOB = `
  SELECT left(${jobWire('j')}::text, -1) || ', ' || substr(json_build_object(
    'results', (SELECT coalesce(json_agg(json_build_object('id', r.item_id, 'success', r.success, 'code', r.code,
        'detail', r.detail) ORDER BY r.item_id), '[]'::json)
      FROM (SELECT * FROM job_results WHERE program_id = $1 AND job_id = $2 ORDER BY item_id LIMIT $3::int OFFSET $4::int) r),
    'resultsTotal', (SELECT count(*)::int FROM job_results WHERE program_id = $1 AND job_id = $2))::text, 2) AS job
  FROM jobs j WHERE j.program_id = $1 AND j.id = $2`;

/** The JSON text of a job with a page of its results. */
export async function findJob(
  db: Pick<Database, 'query'>,
  programId: string,
  { id, page, limit }: { readonly id: string; readonly page: number; readonly limit: number },
): Promise<string | undefined> {
  const [row] = await db.query<{ job: string }>(JOB, [programId, id, limit, (page - 1) * limit]);
  return row?.job;
}
