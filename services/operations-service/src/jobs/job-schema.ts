import { instant } from '@tributary/commissions';
import { timestamp } from '@tributary/http-kit';
import { JOB_STATUSES, JOB_TRIGGERS } from '@tributary/schema';
import { z } from 'zod';

export const jobSchema = z.object({
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

/** A job on the wire, from the row `j`. */
export const jobWire = (
  j: string,
): string => `json_build_object('id', ${j}.id, 'name', ${j}.name, 'trigger', ${j}.trigger,
    'status', ${j}.status, 'total', ${j}.total, 'succeeded', ${j}.succeeded, 'failed', ${j}.failed, 'skipped', ${j}.skipped,
    'stats', ${j}.stats, 'parameters', ${j}.parameters, 'actor', ${j}.actor ->> 'name', 'error', ${j}.error,
    'cancelRequested', ${j}.cancel_requested, 'createdAt', ${instant(`${j}.created_at`)},
    'startedAt', ${instant(`${j}.started_at`)}, 'finishedAt', ${instant(`${j}.finished_at`)})`;
