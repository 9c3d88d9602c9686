import { instant } from '@tributary/commissions';
import { timestamp } from '@tributary/http-kit';
import { JOB_STATUSES, JOB_TRIGGERS, type Database } from '@tributary/schema';
import { z } from 'zod';

export const IMPORT_JOB = 'import-conversions';

/** As `GET /operations/jobs/:id` shows it. */
export const importSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  trigger: z.enum(JOB_TRIGGERS),
  status: z.enum(JOB_STATUSES),
  total: z.int().nullable(),
  succeeded: z.int(),
  failed: z.int(),
  skipped: z.int(),
  stats: z.record(z.string(), z.unknown()),
  parameters: z.record(z.string(), z.unknown()),
  actor: z.string(),
  error: z.string().nullable(),
  cancelRequested: z.boolean(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  finishedAt: timestamp.nullable(),
});

export const importWithResults = importSchema.extend({
  results: z.array(
    z.object({
      id: z.string().meta({ description: 'The number of the line' }),
      success: z.boolean(),
      code: z.string().nullable(),
      detail: z.string().nullable(),
    }),
  ),
  resultsTotal: z.int(),
});

/** A job on the wire, from the row `j`. */
export const importWire = (j: string): string =>
  `json_build_object('id', ${j}.id, 'name', ${j}.name, 'trigger', ${j}.trigger, 'status', ${j}.status, 'total', ${j}.total,
    'succeeded', ${j}.succeeded, 'failed', ${j}.failed, 'skipped', ${j}.skipped, 'stats', ${j}.stats,
    'parameters', ${j}.parameters, 'actor', ${j}.actor ->> 'name', 'error', ${j}.error,
    'cancelRequested', ${j}.cancel_requested, 'createdAt', ${instant(`${j}.created_at`)},
    'startedAt', ${instant(`${j}.started_at`)}, 'finishedAt', ${instant(`${j}.finished_at`)})`;

/** Lines by their numbers: a text of more digits is a larger number. */
const IMPORT = `
  SELECT left(${importWire('j')}::text, -1) || ', ' || substr(json_build_object(
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
