import { z } from 'zod';

const none = z.strictObject({});

const moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);
/** Whole days (UTC); all there are where none are named. */
const days = z.strictObject({ from: moment.optional(), to: moment.optional() });

/**
 * The jobs that may be run by hand, with the parameters each takes. batch-scheduler runs them; a bulk change has a route
 * of its own, where its parameters are checked against the caller's scopes.
 */
export const RUNNABLE_JOBS = {
  'confirm-due-commissions': none,
  'anonymise-clicks': none,
  'maintain-partitions': none,
  'purge-expired': none,
  'rebuild-rollups': days,
  'reconcile-rollups': days,
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type RunnableJob = keyof typeof RUNNABLE_JOBS;

export const RUNNABLE_JOB_NAMES = Object.keys(RUNNABLE_JOBS) as [RunnableJob, ...RunnableJob[]];
