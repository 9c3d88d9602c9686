import type { CommandDeps } from '@tributary/commissions';
import type { Clock, Logger } from '@tributary/runtime';
import {
  JobFailedError,
  JobInterruptedError,
  type Interruption,
  type JobDeclaration,
  type JobProgress,
} from './declaration.ts';
import { startHeartbeat } from './heartbeat.ts';
import { finishJob, handBackJob, renewJob, reportProgress, type ClaimedJob } from './job-store.ts';
import type { JobMetrics } from './metrics.ts';

export interface ExecutionDeps extends CommandDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: JobMetrics;
  readonly leaseMs: number;
}

/** Failures that may pass by themselves are tried again this often; also what a job that kills its process is allowed. */
const MAX_ATTEMPTS = 5;
const RETRY_DELAY_MS = 5_000;
/** Each claim raises the token by one, from 0. */
const FIRST_TOKEN = '1';

type Ending =
  | { readonly outcome: 'succeeded' | 'cancelled' }
  | { readonly outcome: 'failed'; readonly error: string }
  | { readonly outcome: 'handed_back'; readonly error?: string }
  | { readonly outcome: 'lost' };

/** Carries out one attempt at a claimed job and writes down how it ended. Never throws. */
export async function executeJob(
  deps: ExecutionDeps,
  declaration: JobDeclaration,
  job: ClaimedJob,
  stopping: AbortSignal,
): Promise<void> {
  const logger = deps.logger.child({ job: job.name, jobId: job.id, attempt: job.attempts });
  const startedAt = performance.now();
  logger.info({ trigger: job.trigger }, 'job started');
  const ending = await attempt({ ...deps, logger }, declaration, job, stopping);
  const durationMs = Math.round(performance.now() - startedAt);
  try {
    await settle(deps, job, ending);
  } catch (err) {
    logger.error({ err }, 'the end of a job could not be written; another runner will find it');
  }
  deps.metrics.attempt(job.name, ending.outcome, durationMs);
  const level = ending.outcome === 'failed' || ending.outcome === 'lost' ? 'error' : 'info';
  logger[level]({ ...ending, durationMs }, 'job ended');
}

async function attempt(
  deps: ExecutionDeps,
  declaration: JobDeclaration,
  job: ClaimedJob,
  stopping: AbortSignal,
): Promise<Ending> {
  if (job.cancelRequested) return { outcome: 'cancelled' };
  if (job.attempts > MAX_ATTEMPTS) {
    return { outcome: 'failed', error: `given up after ${MAX_ATTEMPTS} attempts whose processes ended` };
  }
  const parsed = declaration.parameters.safeParse(job.parameters);
  if (!parsed.success)
    return { outcome: 'failed', error: `the parameters are wrong: ${parsed.error.message}` };

  const ending = new AbortController();
  const interrupt = (why: Interruption): void => ending.abort(new JobInterruptedError(why));
  const onStopping = (): void => interrupt('stopping');
  stopping.addEventListener('abort', onStopping);
  if (stopping.aborted) onStopping();
  const deadline = setTimeout(() => interrupt('deadline'), declaration.deadlineMs);
  const heartbeat = startHeartbeat({
    logger: deps.logger,
    leaseMs: deps.leaseMs,
    renew: () => renewJob(deps.db, job, deps.leaseMs),
    interrupt,
  });

  async function report(progress: JobProgress): Promise<void> {
    const held = await reportProgress(deps.db, job, progress, deps.leaseMs);
    if (held === undefined) interrupt('lost');
    else {
      heartbeat.renewed();
      deps.metrics.items(job.name, progress);
      if (held.cancelRequested) interrupt('cancelled');
    }
    ending.signal.throwIfAborted();
  }

  try {
    const resumed = job.leaseToken !== FIRST_TOKEN;
    const run = {
      ...job,
      resumed,
      attempt: job.attempts,
      logger: deps.logger,
      signal: ending.signal,
      report,
    };
    await declaration.run({ ...run, parameters: parsed.data });
    return { outcome: 'succeeded' };
  } catch (error) {
    // Whatever an aborted run threw, the abort is why.
    return endingOf(ending.signal.aborted ? ending.signal.reason : error, { deps, declaration, job });
  } finally {
    heartbeat.stop();
    clearTimeout(deadline);
    stopping.removeEventListener('abort', onStopping);
  }
}

function endingOf(
  error: unknown,
  { deps, declaration, job }: { deps: ExecutionDeps; declaration: JobDeclaration; job: ClaimedJob },
): Ending {
  if (error instanceof JobInterruptedError) {
    switch (error.interruption) {
      case 'cancelled':
        return { outcome: 'cancelled' };
      case 'stopping':
        return { outcome: 'handed_back' };
      case 'lost':
        return { outcome: 'lost' };
      case 'deadline':
        return { outcome: 'failed', error: `took longer than ${declaration.deadlineMs / 1_000} s` };
    }
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof JobFailedError) return { outcome: 'failed', error: message };
  deps.logger.warn({ err: error }, 'a job failed');
  return job.attempts < MAX_ATTEMPTS
    ? { outcome: 'handed_back', error: message }
    : { outcome: 'failed', error: message };
}

async function settle(deps: ExecutionDeps, job: ClaimedJob, ending: Ending): Promise<void> {
  switch (ending.outcome) {
    case 'lost':
      // Perhaps only the renewal failed: then nobody has to wait for the lease to run out. Otherwise the token says no.
      return handBackJob(deps.db, job, { delayMs: 0, error: 'the lease was lost' });
    case 'handed_back': {
      const { error } = ending;
      if (error === undefined) return handBackJob(deps.db, job, { delayMs: 0 });
      return handBackJob(deps.db, job, { delayMs: RETRY_DELAY_MS * job.attempts, error });
    }
    case 'succeeded':
    case 'cancelled':
      await finishJob(deps, job, { status: ending.outcome, now: deps.clock() });
      return;
    case 'failed':
      await finishJob(deps, job, { status: 'failed', error: ending.error, now: deps.clock() });
  }
}
