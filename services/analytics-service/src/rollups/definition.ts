import { FIGURES_DEFINITION } from '@tributary/rollups';
import type { Logger } from '@tributary/runtime';
import { DEFAULT_PROGRAM } from '@tributary/schema';
import type { Database } from '@tributary/schema';

/**
 * Says by which definition the rollups are from now on, and queues a rebuild where there are some by an older one, with its
 * audit row and event: all by one statement, so that of many processes one does it. Where there are none yet nothing is to be
 * done, and the definition of a later release stays.
 */
const QUEUE = `
  WITH raised AS (
    INSERT INTO rollup_progress AS p (program_id, definition)
    SELECT program_id, $1::int FROM (SELECT $2::text AS program_id UNION SELECT program_id FROM rollup_progress) AS program
    ON CONFLICT (program_id) DO UPDATE SET definition = excluded.definition WHERE p.definition < excluded.definition
    RETURNING program_id),
  queued AS (
    INSERT INTO jobs (id, program_id, name, trigger, actor)
    SELECT uuidv7(), program_id, 'rebuild-rollups', 'catch_up', $3::jsonb || '{"requestId": null, "ipAddress": null, "userAgent": null}'
    FROM raised r
    WHERE EXISTS (SELECT FROM rollup_program_hours h WHERE h.program_id = r.program_id)
      OR EXISTS (SELECT FROM rollup_click_days d WHERE d.program_id = r.program_id)
    RETURNING *),
  audit AS (
    INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, actor, changes, reason)
    SELECT uuidv7(), program_id, 'job', id::text, 'queued', $3::jsonb ->> 'name',
      jsonb_build_array(jsonb_build_object('field', 'name', 'oldValue', NULL, 'newValue', name)),
      'The figures are defined otherwise than when their rollups were computed'
    FROM queued),
  event AS (
    INSERT INTO outbox_events (id, program_id, type, subject, actor, data, occurred_at)
    SELECT uuidv7(), program_id, 'job.queued', jsonb_build_object('jobId', id), $3::jsonb,
      jsonb_build_object('jobId', id, 'name', name, 'trigger', trigger), created_at
    FROM queued)
  SELECT program_id FROM queued`;

const ACTOR = { kind: 'system', id: null, name: 'system:analytics-service' };

/** To be called when a process begins to keep the rollups. The sweeper sends the event; the scheduler looks by itself as well. */
export async function queueRebuildWhereBehind(db: Pick<Database, 'query'>, logger: Logger): Promise<void> {
  const queued = await db.query<{ programId: string }>(QUEUE, [FIGURES_DEFINITION, DEFAULT_PROGRAM, ACTOR]);
  for (const { programId } of queued)
    logger.info(
      { programId, definition: FIGURES_DEFINITION },
      'figures are defined anew: a rebuild is queued',
    );
}
