import {
  addContext,
  auditInsert,
  composeStatement,
  eventsOf,
  idempotencyInsert,
  jobWire,
  outboxInsert,
  Parameters,
  runStatement,
  storedEvents,
  type CommandContext,
  type CommandDeps,
} from '@tributary/commissions';
import { IMPORT_JOB } from './import-job.ts';
import { forgetUpload, type StoredUpload } from './store-upload.ts';

/**
 * Inserts the job that batch-scheduler runs in the caller's name, with its audit row and the event that wakes it. Where that fails
 * (a repetition under the same Idempotency-Key, for one) what was stored is forgotten.
 * @returns the JSON text of the job
 */
export async function queueImport(
  deps: CommandDeps,
  context: CommandContext,
  { importId, lines }: StoredUpload,
): Promise<string> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const { requestId, ipAddress, userAgent } = context;
  const actor = parameters.add({ ...context.actor, requestId, ipAddress, userAgent }, 'jsonb');
  const ctes = [
    `queued AS (
    INSERT INTO jobs (id, program_id, name, trigger, actor, total, created_at)
    VALUES (${parameters.add(importId, 'uuid')}, ${c.programId}, '${IMPORT_JOB}', 'api', ${actor},
      ${parameters.add(lines, 'int')}, ${c.now})
    RETURNING *)`,
    auditInsert(c, 'queued_audit', {
      entityType: `'job'`,
      entityId: 'r.id::text',
      action: `'queued'`,
      changes: `jsonb_build_array(jsonb_build_object('field', 'name', 'oldValue', NULL, 'newValue', r.name))`,
      reason: 'NULL::text',
      reasonCode: 'NULL::text',
      from: 'queued r',
    }),
    outboxInsert(c, 'queued_events', {
      type: `'job.queued'`,
      subject: `jsonb_build_object('jobId', r.id)`,
      data: `jsonb_build_object('jobId', r.id, 'name', r.name, 'trigger', r.trigger)`,
      from: 'queued r',
    }),
  ];
  const answer = `(SELECT ${jobWire('r')} FROM queued r)`;
  ctes.push(...idempotencyInsert(parameters, c, context.idempotency, { data: answer, from: 'queued' }));
  const text = composeStatement(ctes, {
    job: `${answer}::text`,
    events: eventsOf(['queued_events']),
  });
  const row = await runStatement<{ job: string; events: unknown[] }>(deps.db, text, parameters).catch(
    async (error: unknown) => {
      await forgetUpload(deps.db, context.programId, importId);
      throw error;
    },
  );
  if (row === undefined) throw new Error('a job was not queued');
  deps.publish(storedEvents(row.events));
  return row.job;
}
