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
}

/** Most jobs are over by then, and somebody is watching. */
const CLOSELY_FOR_MS = 10_000;
const CLOSE_POLL_MS = 500;
/** 150 requests in 15 minutes; an administrator has 200, and may want to do something else meanwhile. */
const PATIENT_POLL_MS = 6_000;

/** How long to wait before a job is looked at again, so long after it was started. */
export function pollAfterMs(followedForMs: number): number {
  return followedForMs < CLOSELY_FOR_MS ? CLOSE_POLL_MS : PATIENT_POLL_MS;
}

/**
 * Runs a job of the running stack and follows it to its end, however long that takes: it waits where the limit of
 * requests is reached, and logs in again when its token has ended.
 * @throws {StackFailure} where the stack does not answer or refuses
 */
export async function followJob({ stack, name, parameters, onProgress }: FollowOptions): Promise<Job> {
  let accessToken = await logIn(stack);
  let job = await call(stack, jobSchema, {
    path: `/operations/jobs/${name}/run`,
    body: { parameters },
    accessToken,
  });
  const startedAt = performance.now();
  const look = (): Promise<Job> =>
    waitingForLimit(() => call(stack, jobSchema, { path: `/operations/jobs/${job.id}`, accessToken }));
  let shown = '';
  for (;;) {
    const now = JSON.stringify(job);
    if (now !== shown) onProgress(job);
    shown = now;
    if (job.status !== 'queued' && job.status !== 'running') return job;
    await delay(pollAfterMs(performance.now() - startedAt));
    try {
      job = await look();
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 401)) throw error;
      accessToken = await waitingForLimit(() => logIn(stack));
      job = await look();
    }
  }
}

async function logIn(stack: FollowOptions['stack']): Promise<string> {
  const session = z.object({ accessToken: z.string() });
  return (await call(stack, session, { path: '/auth/login', body: stack.admin })).accessToken;
}

/** Asks again after each 429, when its answer says that the next is welcome. */
async function waitingForLimit<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 429)) throw error;
      await delay(error.retryAfterMs ?? PATIENT_POLL_MS);
    }
  }
}

/** An answer other than the one that was asked for. */
class Refusal extends StackFailure {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(path: string, { status, headers }: Response, text: string) {
    super(`${path} answered ${status}: ${text}`);
    this.status = status;
    const seconds = Number(headers.get('retry-after'));
    this.retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined;
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
  if (!response.ok) throw new Refusal(path, response, text);
  return data.parse(answered.parse(JSON.parse(text)).data);
}
