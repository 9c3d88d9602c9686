import {
  decodeCursor,
  encodeCursor,
  listMeta,
  sortOrder,
  TOTAL_CAP,
  validationError,
  type ListMeta,
} from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { z } from 'zod';

/** A column to sort by, and the type in which a cursor carries its value. */
export interface SortColumn {
  readonly column: string;
  readonly type: 'timestamptz' | 'text';
}

export interface ListedTable<Row extends object, Field extends string> {
  readonly table: 'users' | 'api_keys';
  /** By field. */
  readonly columns: Readonly<Record<keyof Row, string>>;
  readonly sortable: Readonly<Record<Field, SortColumn>>;
}

export interface ListQuery<Field extends string> {
  readonly page: number;
  readonly limit: number;
  readonly sort: Field | `-${Field}`;
  readonly cursor?: string | undefined;
  readonly count?: 'exact' | undefined;
}

interface Position {
  readonly sortValue: string;
  readonly id: string;
}

/** With the list and order that a cursor is of: it means nothing in another. */
const POSITIONS = {
  timestamptz: z.tuple([z.string(), z.iso.datetime({ offset: true }), z.uuid()]),
  text: z.tuple([z.string(), z.string().max(400), z.uuid()]),
} as const;

/**
 * One page of a table of the gateway's, and what its `meta` says. Without indexes of its own: a programme has hundreds of users
 * and keys, not millions. @throws 400 for a cursor of another list or order
 */
export async function listRows<Row extends object, Field extends string>(
  db: Pick<Database, 'query'>,
  { table, columns, sortable }: ListedTable<Row, Field>,
  { programId, ...query }: ListQuery<Field> & { readonly programId: string },
): Promise<{ readonly rows: Row[]; readonly meta: ListMeta }> {
  const { page, limit, cursor, count } = query;
  const { field, descending } = sortOrder<Field>(query.sort);
  const { column, type } = sortable[field];
  const [direction, beyond] = descending ? ['DESC', '<'] : ['ASC', '>'];
  const order = `${table} ${query.sort}`;
  const after = cursor === undefined ? undefined : decodeCursor(POSITIONS[type], cursor);
  if (after !== undefined && after[0] !== order)
    throw validationError([{ path: 'cursor', message: 'belongs to another list or order' }]);
  const isExact = count === 'exact';
  const [found, [counted]] = await Promise.all([
    db.query<Row & Position>(
      `SELECT ${Object.values(columns).join(', ')}, to_json(${column}) #>> '{}' AS sort_value FROM ${table}
       WHERE program_id = $1 AND ($4::${type} IS NULL OR (${column}, id) ${beyond} ($4::${type}, $5::uuid))
       ORDER BY ${column} ${direction}, id ${direction} LIMIT $2 OFFSET $3`,
      [
        programId,
        limit + 1,
        after === undefined ? (page - 1) * limit : 0,
        after?.[1] ?? null,
        after?.[2] ?? null,
      ],
    ),
    db.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM (SELECT FROM ${table} WHERE program_id = $1 LIMIT $2) counted`,
      [programId, isExact ? null : TOTAL_CAP + 1],
    ),
  ]);
  // One row more than the page was read: whether it exists is whether there is a next page.
  const last = found.length > limit ? found[limit - 1] : undefined;
  const nextCursor = last && encodeCursor([order, last.sortValue, last.id]);
  const meta = listMeta({ counted: counted?.total ?? 0, exact: isExact, page, limit, nextCursor });
  const rows = found.slice(0, limit).map(({ sortValue: _sortValue, ...row }) => row as unknown as Row);
  return { rows, meta };
}
