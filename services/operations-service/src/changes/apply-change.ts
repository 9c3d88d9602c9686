import {
  AppError,
  assertVersion,
  commonErrors,
  expectedVersion,
  rememberAnswer,
  successText,
  versionMismatch,
} from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import type { FastifyRequest } from 'fastify';

/** How often a change is decided again when somebody else was faster. */
const MAX_DECISIONS = 4;

/** The request asks for what is there. */
export const UNCHANGED: unique symbol = Symbol('unchanged');

/** The JSON text of the changed record; undefined when the record had moved on. */
export type Written = string | typeof UNCHANGED | undefined;

interface Versioned {
  readonly version: number;
}

export interface ChangeOfRecord<State extends Versioned> {
  readonly read: () => Promise<State>;
  readonly write: (before: State) => Promise<Written>;
}

/**
 * Reads a record, decides and writes, and decides again when the row moved on meanwhile. `If-Match` is honoured.
 * @returns the JSON text of the record as it is now
 */
export async function applyChange<State extends Versioned>(
  db: Pick<Database, 'query'>,
  request: FastifyRequest,
  { read, write }: ChangeOfRecord<State>,
): Promise<string> {
  for (let attempt = 1; attempt <= MAX_DECISIONS; attempt += 1) {
    const before = await read();
    assertVersion(request, before.version);
    const written = await write(before);
    if (written === UNCHANGED) {
      const text = JSON.stringify(before);
      await rememberAnswer(db, request, { status: 200, body: JSON.parse(successText(text)) as object });
      return text;
    }
    if (written !== undefined) return written;
    if (expectedVersion(request) !== undefined) throw versionMismatch();
  }
  throw new AppError(commonErrors.CONCURRENT_CHANGE, 'Others keep changing this record; try again');
}
