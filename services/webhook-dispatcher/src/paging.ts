import { decodeCursor, encodeCursor, listMeta, pageQuery, sortOrder, TOTAL_CAP } from '@tributary/http-kit';
import type { ListMeta } from '@tributary/http-kit';
import { z } from 'zod';
import type { ListedPage, Page, Position } from './endpoints/list-endpoints.ts';

export const positionSchema = z.tuple([z.iso.datetime({ offset: true }), z.uuid()]);

/** Checked with the schema, so that a cursor that is none is named beside whatever else is wrong. */
export const cursorField = z
  .string()
  .min(1)
  .max(500)
  .refine((cursor) => isPosition(cursor), 'is not a cursor of this list');

function isPosition(cursor: string): boolean {
  try {
    decodeCursor(positionSchema, cursor);
    return true;
  } catch {
    return false;
  }
}

/** The query fields of a list by time, to be spread into a strict object. */
export const pageByTime = {
  ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
  cursor: cursorField.optional(),
};

interface PageQuery {
  readonly page: number;
  readonly limit: number;
  readonly sort: 'createdAt' | '-createdAt';
  readonly cursor?: string | undefined;
  readonly count?: 'exact' | undefined;
}

/** Where a page begins. A cursor wins over a page number. */
export function pageOf({ page, limit, sort, cursor }: PageQuery): Page {
  const { descending } = sortOrder(sort);
  if (cursor === undefined) return { limit, descending, offset: (page - 1) * limit, after: undefined };
  const [createdAt, id] = decodeCursor(positionSchema, cursor);
  return { limit, descending, offset: 0, after: { createdAt, id } };
}

/** How far to count: null is to the end. */
export const countLimit = ({ count }: PageQuery): number | null => (count === 'exact' ? null : TOTAL_CAP + 1);

export function metaOf(
  { page, limit, count }: PageQuery,
  counted: number,
  { last, size }: ListedPage,
): ListMeta {
  const nextCursor = size === limit && last !== null ? cursorAt(last) : undefined;
  return listMeta({ counted, exact: count === 'exact', page, limit, nextCursor });
}

export const cursorAt = ({ createdAt, id }: Position): string => encodeCursor([createdAt, id]);
