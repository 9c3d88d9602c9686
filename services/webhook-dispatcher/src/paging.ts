import { decodeCursor, encodeCursor, listMeta, TOTAL_CAP } from '@tributary/http-kit';
import type { ListMeta } from '@tributary/http-kit';
import { z } from 'zod';
import type { ListedPage, Page, Position } from './endpoints/list-endpoints.ts';

export const positionSchema = z.tuple([z.iso.datetime({ offset: true }), z.uuid()]);

interface PageQuery {
  readonly page: number;
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly count?: 'exact' | undefined;
}

/** Where a page begins. A cursor wins over a page number. */
export function pageOf({ page, limit, cursor }: PageQuery): Page {
  if (cursor === undefined) return { limit, offset: (page - 1) * limit, after: undefined };
  const [createdAt, id] = decodeCursor(positionSchema, cursor);
  return { limit, offset: 0, after: { createdAt, id } };
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
