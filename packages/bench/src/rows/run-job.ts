import { setTimeout as pause } from 'node:timers/promises';

import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';

const QUEUE = `
  INSERT INTO jobs (id, name, trigger, actor, total) VALUES ($1, $2, 'api', '{"kind": "system", "id": null, "name": "bench",
    "requestId": null, "ipAddress": null, "userAgent": null}', $3::int)`;
const FINISHED = `
  SELECT status, error, succeeded, stats, extract(epoch FROM finished_at - started_at)::float8 AS seconds
  FROM jobs WHERE id = $1 AND finished_at IS NOT NULL`;

const LOOK_EVERY_MS = 100;

const finishedJob = z.object({
  status: z.string(),
  error: z.string().nullable(),
  succeeded: z.number(),
  stats: z.record(z.string(), z.unknown()),
  seconds: z.number(),
});

/** Queues a job for the batch-scheduler that runs, and answers how it went and how long it took from claim to end. */
export async function runJob(
  owner: Database,
  name: string,
  { id = uuidv7(), total = null }: { id?: string; total?: number | null } = {},
): Promise<{ succeeded: number; stats: Record<string, unknown>; seconds: number }> {
  await owner.query(QUEUE, [id, name, total]);
  for (;;) {
    const [row] = await owner.query(FINISHED, [id]);
    if (row !== undefined) {
      const { status, error, ...job } = finishedJob.parse(row);
      if (status !== 'succeeded') throw new Error(`the job ${name} ended as ${status}: ${error ?? ''}`);
      return job;
    }
    await pause(LOOK_EVERY_MS);
  }
}
