import type { FieldError } from '@tributary/http-kit';
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
} as const satisfies Readonly<Record<string, z.ZodObject>>;

type RunnableJob = keyof typeof RUNNABLE_JOBS;

export const isRunnable = (name: string): name is RunnableJob => Object.hasOwn(RUNNABLE_JOBS, name);

const takenBySome: Record<string, z.ZodType> = Object.fromEntries(
  Object.values(RUNNABLE_JOBS).flatMap(({ shape }) => Object.entries<z.ZodType>(shape)),
);

/** The parameters of a run, by themselves or as `parameters`, which therefore is the name of none. */
export const runBody = z
  .strictObject({ ...takenBySome, parameters: z.strictObject(takenBySome).optional() })
  .nullish();

/** What a run was given: its parameters, or what is wrong with them, by the paths that the client sent. */
export type GivenRun =
  | { readonly parameters: Readonly<Record<string, unknown>> }
  | { readonly faults: readonly FieldError[] };

/** Of parameters that are each well-formed, those that the job takes; any other is a fault. */
export function parametersOf(name: RunnableJob, body: z.output<typeof runBody>): GivenRun {
  const { parameters: wrapped, ...bare } = body ?? {};
  if (wrapped !== undefined && Object.keys(bare).length > 0) {
    const message = 'stands beside parameters; name all parameters in one place';
    return { faults: Object.keys(bare).map((path) => ({ path, message })) };
  }
  const given = wrapped ?? bare;
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(RUNNABLE_JOBS[name].shape, key));
  if (unknown.length === 0) return { parameters: given };
  return {
    faults: unknown.map((key) => ({
      path: wrapped === undefined ? key : `parameters.${key}`,
      message: `is no parameter of ${name}`,
    })),
  };
}
