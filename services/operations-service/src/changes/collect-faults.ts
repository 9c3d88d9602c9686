import { AppError, type FieldError } from '@tributary/http-kit';

/**
 * Does what may refuse fields, and adds those that it refuses to `faults`, so that the next rule is asked as well.
 * @returns undefined where it refused any
 */
export function collectingFaults<Result>(faults: FieldError[], work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AppError) || error.extra.errors === undefined) throw error;
    faults.push(...error.extra.errors);
    return undefined;
  }
}
