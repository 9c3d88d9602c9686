import { createBell } from './bell.ts';
import type { JobDeclaration } from './declaration.ts';
import { executeJob, type ExecutionDeps } from './execute-job.ts';
import { claimJob, type ClaimedJob } from './job-store.ts';

export interface RunnerDeps extends ExecutionDeps {
  readonly jobs: readonly JobDeclaration[];
  /** Unique per process. */
  readonly holder: string;
  /** Jobs at once. */
  readonly concurrency: number;
  /** How often to look for jobs that nobody announced: orphans, retries, and all of them while NATS is away. */
  readonly pollMs: number;
}

export interface JobRunner {
  /** Something may be queued. */
  wake(): void;
  /** Takes no more jobs, lets the chunks under way end and hands the jobs back at their checkpoints. */
  stop(): Promise<void>;
}

/** Runs queued and orphaned jobs, of which any number of processes each take others. */
export function startJobRunner(deps: RunnerDeps): JobRunner {
  const declarations = new Map(deps.jobs.map((job) => [job.name, job]));
  for (const { name } of deps.jobs) deps.metrics.expect(name);
  const names = [...declarations.keys()];
  const active = new Set<Promise<void>>();
  const stopping = new AbortController();
  const bell = createBell();

  async function claim(): Promise<ClaimedJob | undefined> {
    if (active.size >= deps.concurrency) return undefined;
    try {
      return await claimJob(deps.db, { names, holder: deps.holder, leaseMs: deps.leaseMs });
    } catch (err) {
      deps.logger.warn({ err }, 'could not look for jobs; tried again');
      return undefined;
    }
  }

  function begin(job: ClaimedJob): void {
    const declaration = declarations.get(job.name);
    if (declaration === undefined) return;
    const execution = executeJob(deps, declaration, job, stopping.signal).finally(() => {
      active.delete(execution);
      bell.ring();
    });
    active.add(execution);
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const job = await claim();
      if (job === undefined) await bell.wait(deps.pollMs, stopping.signal);
      else begin(job);
    }
  }

  const running = loop();
  return {
    wake: () => bell.ring(),
    async stop() {
      stopping.abort();
      await running;
      await Promise.all(active);
    },
  };
}
