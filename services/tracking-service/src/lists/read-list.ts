import type { Parameters } from '@tributary/commissions';
import {
  decodeCursor,
  encodeCursor,
  listMeta,
  listText,
  sortOrder,
  TOTAL_CAP,
  validationError,
} from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { z } from 'zod';

/** A list ordered by a time and the id; its filters have indexes, or leave so much that a page is found soon. The texts are SQL of ours. */
export interface ListSource {
  /** Table and alias, `referral_clicks c`. */
  readonly from: string;
  readonly alias: string;
  /** The JSON of a row. */
  readonly wire: string;
  /** The time of the order: never null. */
  readonly time: string;
}

export interface ListQuery {
  readonly page: number;
  readonly limit: number;
  readonly sort: string;
  readonly cursor?: string | undefined;
  readonly count?: 'exact' | undefined;
}

/** SQL conditions over the alias, with their values in `parameters`. */
export interface Selection {
  readonly parameters: Parameters;
  readonly conditions: readonly string[];
}

const position = z.strictObject({
  at: z.iso.datetime(),
  id: z.uuid(),
  page: z.int().min(1),
  counted: z.int().min(0),
  /** List and sort: a cursor belongs to one of each. */
  order: z.string(),
});

interface PageRow {
  rows: string;
  lastAt: Date | null;
  lastId: string | null;
  counted: number | null;
}

/**
 * Reads one page in one statement, its JSON put together by Postgres. A cursor goes on from where a page ended, at constant cost
 * however deep, and without counting again.
 * @returns the text of the whole answer
 */
export async function readList(
  db: Pick<Database, 'query'>,
  source: ListSource,
  selection: Selection,
  query: ListQuery,
): Promise<string> {
  // By what is sorted by rather than by its name in the query, which may be one of two.
  const order = `${source.from} ${source.time} ${sortOrder(query.sort).descending ? 'DESC' : 'ASC'}`;
  const from = query.cursor === undefined ? undefined : readCursor(query.cursor, order);
  const [row] = await db.query<PageRow>(
    pageStatement(source, selection, query, from),
    selection.parameters.values,
  );
  if (row === undefined) throw new Error('the statement of a page answered no row');
  const page = from?.page ?? query.page;
  const counted = row.counted ?? from?.counted ?? 0;
  const nextCursor =
    row.lastAt === null || row.lastId === null
      ? undefined
      : encodeCursor({
          at: row.lastAt.toISOString(),
          id: row.lastId,
          page: page + 1,
          counted,
          order,
        });
  const meta = listMeta({ counted, exact: query.count === 'exact', page, limit: query.limit, nextCursor });
  return listText(row.rows, meta);
}

type Position = z.output<typeof position>;

function readCursor(cursor: string, order: string): Position {
  const found = decodeCursor(position, cursor);
  if (found.order === order) return found;
  throw validationError([{ path: 'cursor', message: 'belongs to another list or order' }]);
}

/** One row more than the page is read: whether it exists is whether there is a next page. */
function pageStatement(
  { from, alias, wire, time }: ListSource,
  { parameters, conditions }: Selection,
  query: ListQuery,
  position: Position | undefined,
): string {
  const { descending } = sortOrder(query.sort);
  const direction = descending ? 'DESC' : 'ASC';
  const where = conditions.join(' AND ');
  const onward =
    position === undefined
      ? ''
      : ` AND (${time}, ${alias}.id) ${descending ? '<' : '>'} (${parameters.add(position.at, 'timestamptz')}, ${parameters.add(position.id, 'uuid')})`;
  const skip =
    position === undefined ? ` OFFSET ${parameters.add((query.page - 1) * query.limit, 'int')}` : '';
  const limit = parameters.add(query.limit, 'int');
  const order = `ORDER BY ${time} ${direction}, ${alias}.id ${direction}`;
  return `
    WITH found AS MATERIALIZED (
      SELECT ${alias}.*, ${time} AS list_time FROM ${from} WHERE ${where}${onward} ${order} LIMIT ${limit} + 1${skip}),
    numbered AS (SELECT ${alias}.*, row_number() OVER (${order}) AS place, count(*) OVER () AS fetched FROM found ${alias})
    SELECT coalesce(json_agg(${wire} ORDER BY ${alias}.place) FILTER (WHERE ${alias}.place <= ${limit}), '[]')::text AS rows,
      max(${alias}.list_time) FILTER (WHERE ${alias}.place = ${limit} AND ${alias}.fetched > ${limit}) AS last_at,
      max(${alias}.id::text) FILTER (WHERE ${alias}.place = ${limit} AND ${alias}.fetched > ${limit}) AS last_id,
      ${position === undefined ? countOf(from, where, query.count) : 'NULL::int'} AS counted
    FROM numbered ${alias}`;
}

/** Counted no further than an answer tells, unless it was asked for. */
function countOf(from: string, where: string, count: 'exact' | undefined): string {
  const bound = count === 'exact' ? '' : ` LIMIT ${TOTAL_CAP + 1}`;
  return `(SELECT count(*)::int FROM (SELECT FROM ${from} WHERE ${where}${bound}) matches)`;
}
