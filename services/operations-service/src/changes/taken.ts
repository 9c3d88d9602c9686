import { AppError, type ErrorSpec } from '@tributary/http-kit';
import { constraintName, sqlState } from '@tributary/schema';

const UNIQUE_VIOLATION = '23505';

/** Turns the violation of a unique key into the problem that names it; everything else is thrown as it is. */
export async function namingTaken<Result>(
  written: Promise<Result>,
  specs: Readonly<Record<string, readonly [spec: ErrorSpec, detail: string]>>,
): Promise<Result> {
  try {
    return await written;
  } catch (error) {
    const known = sqlState(error) === UNIQUE_VIOLATION ? specs[constraintName(error) ?? ''] : undefined;
    if (known === undefined) throw error;
    throw new AppError(known[0], known[1], { cause: error });
  }
}
