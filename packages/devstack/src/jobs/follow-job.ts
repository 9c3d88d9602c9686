import { setTimeout as delay } from 'node:timers/promises';

import { z } from 'zod';

import { StackFailure } from '../failure.ts';
import type { StackFile } from '../home/stack-file.ts';

const jobSchema = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
  total: z.number().nullable(),
  succeeded: z.number(),
  failed: z.number(),
  stats: z.record(z.string(), z.unknown()),
  error: z.string().nullable().optional(),
});

/** A job as the API shows it. */
export type Job = z.output<typeof jobSchema>;

const answered = z.object({ data: z.unknown() });

export interface FollowOptions {
  readonly stack: Pick<StackFile, 'gatewayUrl' | 'admin'>;
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Called whenever something has changed. */
  readonly onProgress: (job: Job) => void;
  readonly pollMs?: number;
}

/**
 * Runs a job of the running stack and follows it to its end.
 * @throws {StackFailure} where the stack does not answer or refuses
 */
export async function followJob({
  stack,
  name,
  parameters,
  onProgress,
  pollMs = 500,
}: FollowOptions): Promise<Job> {
  const { accessToken } = await call(stack, z.object({ accessToken: z.string() }), {
    path: '/auth/login',
    body: stack.admin,
  });
  const get = (path: string, body?: unknown) => call(stack, jobSchema, { path, body, accessToken });
  let job = await get(`/operations/jobs/${name}/run`, { parameters });
  let shown = '';
  for (;;) {
    const now = JSON.stringify(job);
    if (now !== shown) onProgress(job);
    shown = now;
    if (job.status !== 'queued' && job.status !== 'running') return job;
    await delay(pollMs);
    job = await get(`/operations/jobs/${job.id}`);
  }
}

interface Request {
  readonly path: string;
  /** Posted when there is one. */
  readonly body?: unknown;
  readonly accessToken?: string;
}

async function call<Data extends z.ZodType>(
  { gatewayUrl }: Pick<StackFile, 'gatewayUrl'>,
  data: Data,
  { path, body, accessToken }: Request,
): Promise<z.output<Data>> {
  const response = await fetch(`${gatewayUrl}/api/v1${path}`, {
    headers: {
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw new StackFailure(`The stack at ${gatewayUrl} does not answer.`, { cause });
  });
  const text = await response.text();
  if (!response.ok) throw new StackFailure(`${path} answered ${response.status}: ${text}`);
  return data.parse(answered.parse(JSON.parse(text)).data);
}
