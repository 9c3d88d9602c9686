import { jobWire, newId, type CommandContext, type CommandDeps } from '@tributary/commissions';
import type { JobTrigger } from '@tributary/schema';
import { writeRecorded } from '../changes/recorded-write.ts';

interface NewJob {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly trigger?: JobTrigger;
}

/**
 * Inserts a job that batch-scheduler will run in the caller's name, with its audit row and the event that wakes it.
 * @returns the JSON text of the job
 */
export async function queueJob(deps: CommandDeps, context: CommandContext, job: NewJob): Promise<string> {
  const { name, parameters: given, trigger = 'api' } = job;
  const text = await writeRecorded(deps, context, (parameters, c) => {
    const actor = {
      ...context.actor,
      requestId: context.requestId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
    };
    return {
      ctes: [
        `written AS (
        INSERT INTO jobs (id, program_id, name, trigger, parameters, actor, created_at)
        VALUES (${parameters.add(newId(), 'uuid')}, ${c.programId}, ${parameters.add(name, 'text')},
          ${parameters.add(trigger, 'text')}, ${parameters.add(given, 'jsonb')}, ${parameters.add(actor, 'jsonb')}, ${c.now})
        RETURNING *)`,
      ],
      entityType: 'job',
      entityId: 'r.id::text',
      action: 'queued',
      changes: `jsonb_build_array(jsonb_build_object('field', 'name', 'oldValue', NULL, 'newValue', r.name))`,
      events: [
        {
          type: 'job.queued',
          subject: `jsonb_build_object('jobId', r.id)`,
          data: `jsonb_build_object('jobId', r.id, 'name', r.name, 'trigger', r.trigger)`,
        },
      ],
      answer: `(SELECT ${jobWire('r')} FROM written r)`,
    };
  });
  if (text === undefined) throw new Error('a job was not queued');
  return text;
}
