import { DatabaseUnavailableError, sqlState } from '@tributary/schema';
import { AppError, commonErrors } from './errors.ts';

const RETRY_AFTER = { 'retry-after': '1' } as const;

/**
 * What an error of the database means to the client; undefined when it is no error of the database, or one that only
 * a fault in our code can cause (a syntax error, a missing table), which stays a 500.
 * Codes: https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
export function databaseProblem(error: unknown): AppError | undefined {
  if (error instanceof DatabaseUnavailableError) return unavailable(error);
  const state = sqlState(error);
  if (state === undefined) return undefined;
  const byState = exactStates[state]?.(error);
  return byState ?? classes[state.slice(0, 2)]?.(error);
}

const exactStates: Readonly<Record<string, (error: unknown) => AppError>> = {
  '23505': (error) => conflict('This exists already', error),
  '23503': (error) =>
    conflict('This refers to a record that does not exist, or is referred to by another', error),
  '23P01': (error) => conflict('This overlaps with another record', error),
  '23502': (error) => invalid('A required value is missing', error),
  '23514': (error) => invalid('A value is outside its permitted range', error),
  '55P03': concurrent,
  '57014': unavailable,
  '53300': unavailable,
};

const classes: Readonly<Record<string, (error: unknown) => AppError>> = {
  // A serialization failure or a deadlock: the other one won.
  '40': concurrent,
  '22': (error) => invalid('A value cannot be stored', error),
  '08': unavailable,
  '53': unavailable,
  // Shutting down, starting up, terminated by an administrator.
  '57': unavailable,
};

function conflict(detail: string, cause: unknown): AppError {
  return new AppError(commonErrors.CONFLICT, detail, { cause });
}

function invalid(detail: string, cause: unknown): AppError {
  return new AppError(commonErrors.VALIDATION_ERROR, detail, { cause });
}

function concurrent(cause: unknown): AppError {
  return new AppError(commonErrors.CONCURRENT_CHANGE, 'Somebody else is changing this right now; try again', {
    cause,
    headers: RETRY_AFTER,
  });
}

function unavailable(cause: unknown): AppError {
  return new AppError(commonErrors.SERVICE_UNAVAILABLE, 'The database cannot answer', {
    cause,
    headers: RETRY_AFTER,
  });
}
