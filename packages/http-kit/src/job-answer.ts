import { JOB_STATUSES, JOB_TRIGGERS } from '@tributary/schema';
import { z } from 'zod';
import { timestamp } from './answers.ts';

/** A job on the wire, whichever service answers it: what `jobWire` of packages/commissions writes. */
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

/** A job with a page of its results. */
export const jobDetailSchema = jobSchema.extend({
  results: z.array(
    z.object({
      id: z.string().meta({ description: 'The id of what was changed, or the number of the line' }),
      success: z.boolean(),
      code: z.string().nullable(),
      detail: z.string().nullable(),
    }),
  ),
  resultsTotal: z.int(),
});
