import { createHash } from 'node:crypto';
import { decodeCursor, encodeCursor, validationError } from '@tributary/http-kit';
import { z } from 'zod';

const positionSchema = z.strictObject({
  /** Sort value and id of the last row that was shown. */
  value: z.string().regex(/^[-+:.\d TZ]{1,40}$/),
  id: z.uuid(),
  /** The page that follows, and the total as the first page found it: neither is computed again. */
  page: z.int().min(1),
  counted: z.int().min(0),
  fingerprint: z.string(),
});

/** Where a page ended. */
export type Position = z.output<typeof positionSchema>;

/** Of a list's order and filter: a cursor belongs to one of each. */
export function fingerprintOf(sort: string, filter: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([sort, filter]))
    .digest('base64url')
    .slice(0, 12);
}

export function writeCursor(position: Position): string {
  return encodeCursor(position);
}

/** @throws 400 for a cursor of another list, order or filter */
export function readCursor(cursor: string, fingerprint: string): Position {
  const position = decodeCursor(positionSchema, cursor);
  if (position.fingerprint === fingerprint) return position;
  throw validationError([
    { path: 'cursor', message: 'belongs to another order or filter; ask for its first page again' },
  ]);
}
