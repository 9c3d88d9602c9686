import { z } from 'zod';
import { validationError } from './errors.ts';
import { queryInteger } from './query-fields.ts';

/** Deeper pages are read with `cursor`: skipping a million rows to show twenty helps nobody. */
const MAX_PAGE = 10_000;

export interface SortOrder<Field extends string> {
  readonly field: Field;
  readonly descending: boolean;
}

/**
 * The query fields of a list, to be spread into a strict object:
 * `z.strictObject({ ...pageQuery({ sort: ['createdAt', 'amount'], defaultSort: '-createdAt' }), status: ... })`.
 */
export function pageQuery<const Field extends string>(options: {
  readonly sort: readonly [Field, ...Field[]];
  readonly defaultSort: NoInfer<Field | `-${Field}`>;
}) {
  const orders = options.sort.flatMap((field) => [field, `-${field}`] as const);
  return {
    page: queryInteger(1, MAX_PAGE).default(1),
    limit: queryInteger(1, 100).default(20),
    sort: z
      .enum(orders as [Field | `-${Field}`, ...(Field | `-${Field}`)[]])
      .default(options.defaultSort as never),
    cursor: z.string().min(1).max(1_000).optional(),
    count: z.literal('exact').optional(),
  };
}

/** `-createdAt` is createdAt, newest first. */
export function sortOrder<Field extends string>(sort: Field | `-${Field}`): SortOrder<Field> {
  const descending = sort.startsWith('-');
  return { field: (descending ? sort.slice(1) : sort) as Field, descending };
}

/** An opaque position in a list: the sort values and id of the last row of a page. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws 400 for what `encodeCursor` did not make, or made for a list of another shape */
export function decodeCursor<Schema extends z.ZodType>(schema: Schema, cursor: string): z.output<Schema> {
  const position = schema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (position.success) return position.data;
  throw validationError([{ path: 'cursor', message: 'is not a cursor of this list' }]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
