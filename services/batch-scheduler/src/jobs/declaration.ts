import type { JobActor } from '@tributary/schema/tables';
import type { JobTrigger } from '@tributary/schema';
import type { Logger } from '@tributary/runtime';
import type { z } from 'zod';

/** When a job runs by itself. */
export interface Schedule {
  /** Five fields, minutes first. */
  readonly cron: string;
  /** `reporting`: as the setting `reportingTimeZone` says at that moment. */
  readonly timeZone: 'UTC' | 'reporting';
  /**
   * What becomes of a moment at which no scheduler was up: `latest` runs the last of those missed once; `always` does so on a
   * fresh installation, too, where nothing was missed; `skip` waits for the next.
   */
  readonly catchUp: 'latest' | 'always' | 'skip';
}

/** A kind of job: everything the one runner needs to know about it. */
export interface JobDeclaration<Parameters extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly schedule?: Schedule;
  /** How long one attempt may take before it counts as failed. */
  readonly deadlineMs: number;
  readonly parameters: Parameters;
  /**
   * The work, in chunks: each has its effect by single statements that may be repeated harmlessly, then tells by `run.report` how
   * far it came. It begins at `run.checkpoint`, since another process may have been killed there.
   */
  run(run: JobRun<z.output<Parameters>>): Promise<void>;
}

/** Declares a job; exists so that `run` gets its parameters typed by their schema. */
export function defineJob<Parameters extends z.ZodType>(
  declaration: JobDeclaration<Parameters>,
): JobDeclaration<Parameters> {
  return declaration;
}

/** What became of one item. */
export interface ItemResult {
  readonly id: string;
  readonly success: boolean;
  readonly code?: string;
  readonly detail?: string;
}

/** What a chunk adds to a job: counts are added, stats are merged, the rest replaces. */
export interface JobProgress {
  readonly total?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly skipped?: number;
  readonly stats?: Readonly<Record<string, unknown>>;
  readonly checkpoint?: Readonly<Record<string, unknown>>;
  readonly results?: readonly ItemResult[];
}

/** One attempt at a job, as its work sees it. */
export interface JobRun<Parameters> {
  readonly id: string;
  readonly programId: string;
  readonly name: string;
  readonly trigger: JobTrigger;
  readonly actor: JobActor;
  readonly parameters: Parameters;
  readonly createdAt: Date;
  /** When the first attempt began. */
  readonly startedAt: Date;
  /** 1 for the first; more after a crash or a failure that was tried again. */
  readonly attempt: number;
  /** Somebody had it before, who may have done more than was reported. */
  readonly resumed: boolean;
  readonly checkpoint: Readonly<Record<string, unknown>> | null;
  /** What earlier attempts had reported. */
  readonly total: number | null;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  readonly stats: Readonly<Record<string, unknown>>;
  readonly logger: Logger;
  /** Aborts when the work must end soon: lease lost, cancelled, too late, or the process stops. */
  readonly signal: AbortSignal;
  /**
   * Writes progress under the run's fencing token and renews its lease.
   * @throws JobInterruptedError when the job was cancelled or another process has taken it over: do not go on
   */
  report(progress: JobProgress): Promise<void>;
}

/** Why an attempt had to end before its work did. */
export type Interruption = 'cancelled' | 'deadline' | 'lost' | 'stopping';

export class JobInterruptedError extends Error {
  override readonly name = 'JobInterruptedError';
  readonly interruption: Interruption;

  constructor(interruption: Interruption) {
    super(`the job was interrupted: ${interruption}`);
    this.interruption = interruption;
  }
}

/** The job cannot succeed, however often it is tried. The message is shown to whoever asks for the job. */
export class JobFailedError extends Error {
  override readonly name = 'JobFailedError';
}
