import {
  addContext,
  auditInsert,
  composeStatement,
  eventsOf,
  newId,
  outboxInsert,
  Parameters,
  runStatement,
  storedEvents,
  systemContext,
  type CommandDeps,
} from '@tributary/commissions';
import type { DueRun } from './due-run.ts';

interface ScheduledRun extends DueRun {
  readonly name: string;
  readonly programId: string;
  readonly now: Date;
  /** Caught up even where no scheduler was ever up before. */
  readonly always: boolean;
}

/**
 * Queues a scheduled run, with its audit row and event, unless it or a later one exists: the unique key on name and moment makes
 * it one run, however many schedulers ask at once. What was missed before the first job ever was not missed by anybody.
 * @returns whether this call queued it
 */
export async function queueRun(deps: CommandDeps, run: ScheduledRun): Promise<boolean> {
  const parameters = new Parameters();
  const context = { ...systemContext(run.name, run.programId, run.now), jobId: newId() };
  const c = addContext(parameters, context);
  const name = parameters.add(run.name, 'text');
  const trigger = parameters.add(run.trigger, 'text');
  const scheduledFor = parameters.add(run.scheduledFor, 'timestamptz');
  const always = parameters.add(run.always, 'boolean');
  const ctes = [
    `queued AS (
    INSERT INTO jobs (id, program_id, name, trigger, scheduled_for, actor, created_at)
    SELECT ${c.jobId}, ${c.programId}, ${name}, ${trigger}, ${scheduledFor},
      ${c.actor} || '{"requestId": null, "ipAddress": null, "userAgent": null}', ${c.now}
    WHERE NOT EXISTS (SELECT FROM jobs WHERE program_id = ${c.programId} AND name = ${name} AND scheduled_for >= ${scheduledFor})
      AND (${trigger} = 'schedule' OR ${always}
        OR EXISTS (SELECT FROM jobs WHERE program_id = ${c.programId} AND created_at <= ${scheduledFor}))
    ON CONFLICT (program_id, name, scheduled_for) WHERE scheduled_for IS NOT NULL DO NOTHING
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
  const text = composeStatement(ctes, {
    queued: '(SELECT count(*)::int FROM queued)',
    events: eventsOf(['queued_events']),
  });
  const row = await runStatement<{ queued: number; events: unknown[] }>(deps.db, text, parameters);
  deps.publish(storedEvents(row?.events ?? []));
  return row?.queued === 1;
}
