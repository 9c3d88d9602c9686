import { z } from 'zod';

const none = z.strictObject({});
/**
 * The jobs that may be run by hand, with the parameters each takes. batch-scheduler runs them; a bulk change has a route
 * of its own, where its parameters are checked against the caller's scopes.
 */
export const RUNNABLE_JOBS = {
  'confirm-due-commissions': none,
  'anonymise-clicks': none,
  'maintain-partitions': none,
  'purge-expired': none,
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type RunnableJob = keyof typeof RUNNABLE_JOBS;

export const RUNNABLE_JOB_NAMES = Object.keys(RUNNABLE_JOBS) as [RunnableJob, ...RunnableJob[]];
