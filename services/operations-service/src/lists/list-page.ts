import { listMeta, listText, sortOrder, TOTAL_CAP } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { fingerprintOf, readCursor, writeCursor, type Position } from './cursor.ts';
import type { ListSource, Selection } from './list-source.ts';

export interface PageQuery<Field extends string> {
  readonly page: number;
  readonly limit: number;
  readonly sort: Field | `-${Field}`;
  readonly cursor?: string | undefined;
  readonly count?: 'exact' | undefined;
}

export interface ListRequest<Field extends string> extends Selection {
  readonly query: PageQuery<Field>;
  /** What the client filters by. */
  readonly filter: unknown;
}

interface PageRow {
  rows: string;
  more: boolean;
  lastValue: string | null;
  lastId: string | null;
  counted: number | null;
}

/**
 * Reads one page in one statement, its JSON built by Postgres. By `cursor` it goes on from where a page ended, at constant
 * cost however deep, and without counting again.
 * @returns the text of the whole answer
 */
export async function listPage<Field extends string>(
  db: Pick<Database, 'query'>,
  source: ListSource<Field>,
  request: ListRequest<Field>,
): Promise<string> {
  const { query, filter } = request;
  const fingerprint = fingerprintOf(query.sort, filter);
  const position = query.cursor === undefined ? undefined : readCursor(query.cursor, fingerprint);
  const text = pageStatement(source, request, position);
  const [row] = await db.query<PageRow>(text, request.parameters.values);
  if (row === undefined) throw new Error('the statement of a page answered no row');
  const page = position?.page ?? query.page;
  const counted = row.counted ?? position?.counted ?? 0;
  const nextCursor =
    row.more && row.lastValue !== null && row.lastId !== null
      ? writeCursor({ value: row.lastValue, id: row.lastId, page: page + 1, counted, fingerprint })
      : undefined;
  const exact = query.count === 'exact';
  return listText(row.rows, listMeta({ counted, exact, page, limit: query.limit, nextCursor }));
}

function pageStatement<Field extends string>(
  source: ListSource<Field>,
  request: ListRequest<Field>,
  position: Position | undefined,
): string {
  const { query, parameters } = request;
  const { alias, from, wire, columns = `${alias}.*` } = source;
  const order = orderOf(source, query.sort);
  const conditions = [...request.conditions, ...order.conditions];
  const where = conditions.length === 0 ? 'TRUE' : conditions.join(' AND ');
  const onward = position === undefined ? '' : ` AND ${after(source, request, position)}`;
  const skip =
    position === undefined ? ` OFFSET ${parameters.add((query.page - 1) * query.limit, 'int')}` : '';
  const limit = parameters.add(query.limit, 'int');
  return `
    WITH page AS (
      SELECT ${columns}, ${order.expression}::text AS sort_value, row_number() OVER (ORDER BY ${order.by}) AS place
      FROM ${from} WHERE ${where}${onward} ORDER BY ${order.by} LIMIT ${limit} + 1${skip})
    SELECT coalesce(json_agg(${wire} ORDER BY ${alias}.place) FILTER (WHERE ${alias}.place <= first_place + ${limit} - 1), '[]')::text AS rows,
      count(*) > ${limit} AS more,
      max(${alias}.sort_value) FILTER (WHERE ${alias}.place = first_place + ${limit} - 1) AS last_value,
      max(${alias}.id::text) FILTER (WHERE ${alias}.place = first_place + ${limit} - 1) AS last_id,
      ${position === undefined ? countOf(from, where, query.count) : 'NULL::int'} AS counted
    FROM page ${alias}, (SELECT min(place) AS first_place FROM page) f`;
}

/** Counted no further than an answer tells, unless it was asked for. */
function countOf(from: string, where: string, count: 'exact' | undefined): string {
  const bound = count === 'exact' ? '' : ` LIMIT ${TOTAL_CAP + 1}`;
  return `(SELECT count(*)::int FROM (SELECT FROM ${from} WHERE ${where}${bound}) matches)`;
}

interface Order {
  readonly expression: string;
  readonly by: string;
  readonly conditions: readonly string[];
}

/** ORDER BY of a sort, with what an index for it needs. */
export function orderOf<Field extends string>(source: ListSource<Field>, sort: Field | `-${Field}`): Order {
  const { field, descending } = sortOrder<Field>(sort);
  const { expression, sparse } = source.sorts[field];
  const direction = descending ? 'DESC' : 'ASC';
  return {
    expression,
    by: `${expression} ${direction}, ${source.alias}.id ${direction}`,
    conditions: sparse === true ? [`${expression} IS NOT NULL`] : [],
  };
}

/** The condition that only what comes after a position matches. */
export function after<Field extends string>(
  source: ListSource<Field>,
  {
    query,
    parameters,
  }: Pick<ListRequest<Field>, 'parameters'> & { readonly query: { readonly sort: Field | `-${Field}` } },
  position: { readonly value: string; readonly id: string },
): string {
  const { field, descending } = sortOrder<Field>(query.sort);
  const { expression, type } = source.sorts[field];
  const value = parameters.add(position.value, type);
  const id = parameters.add(position.id, 'uuid');
  return `(${expression}, ${source.alias}.id) ${descending ? '<' : '>'} (${value}, ${id})`;
}
