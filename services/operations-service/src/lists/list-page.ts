import { listMeta, listText, sortOrder, TOTAL_CAP } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { fingerprintOf, readCursor, writeCursor, type Position } from './cursor.ts';
import type { ListSource, Selection } from './list-source.ts';
import type { RowMemory } from './row-memory.ts';

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
  /** Where rows of this source are remembered as JSON; only for sources with a `revision`. */
  readonly memory?: RowMemory | undefined;
}

/** A row of a page; all but `counted` are null in the one row that an empty page has. */
interface PageRow {
  id: string | null;
  sortValue: string | null;
  revision: string | null;
  /** Absent where only places were asked for. */
  text?: string | null;
  /** Absent on pages by cursor. */
  counted?: number;
}

/**
 * Reads one page in one statement, the JSON of each row built by Postgres. By `cursor` it goes on from where a page ended, at
 * constant cost however deep, and without counting again. With a memory of rows, Postgres is first asked only which rows make
 * the page, and for their JSON where one of them is not remembered.
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
  const { rows, texts } = await readPage(db, source, request, position);
  const page = position?.page ?? query.page;
  const counted = rows[0]?.counted ?? position?.counted ?? 0;
  const last = rows.length > query.limit ? rows[query.limit - 1] : undefined;
  const nextCursor =
    typeof last?.id === 'string' && last.sortValue !== null
      ? writeCursor({ value: last.sortValue, id: last.id, page: page + 1, counted, fingerprint })
      : undefined;
  const exact = query.count === 'exact';
  const shown = texts.length > query.limit ? texts.slice(0, query.limit) : texts;
  return listText(`[${shown.join(',')}]`, listMeta({ counted, exact, page, limit: query.limit, nextCursor }));
}

interface Page {
  /** At most one more than the page shows. */
  readonly rows: readonly PageRow[];
  readonly texts: readonly string[];
}

async function readPage<Field extends string>(
  db: Pick<Database, 'query'>,
  source: ListSource<Field>,
  request: ListRequest<Field>,
  position: Position | undefined,
): Promise<Page> {
  const { memory, parameters } = request;
  const statement = pageStatement(source, request, position);
  try {
    if (memory?.isWorthAsking === true) {
      const rows = await db.query<PageRow>(statement.places(), parameters.values);
      const texts = memory.recall(rows);
      if (texts !== undefined) return { rows, texts };
    }
    const rows = await db.query<PageRow>(statement.whole(), parameters.values);
    memory?.remember(rows);
    return { rows, texts: rows.flatMap(({ text }) => text ?? []) };
  } catch (error) {
    // Another server may have taken over, whose transactions count on from where a copy was made.
    memory?.forget();
    throw error;
  }
}

/** The statement of a page, with the JSON of its rows and without. Rows stay in the order of the subselect. */
function pageStatement<Field extends string>(
  source: ListSource<Field>,
  request: ListRequest<Field>,
  position: Position | undefined,
): { whole: () => string; places: () => string } {
  const { query, parameters } = request;
  const { alias, from, wire, columns = `${alias}.*`, revision = 'NULL', chosenByIndex } = source;
  const order = orderOf(source, query.sort);
  const conditions = [...request.conditions, ...order.conditions];
  const where = conditions.length === 0 ? 'TRUE' : conditions.join(' AND ');
  const onward = position === undefined ? '' : ` AND ${after(source, request, position)}`;
  const skip =
    position === undefined ? ` OFFSET ${parameters.add((query.page - 1) * query.limit, 'int')}` : '';
  const limit = parameters.add(query.limit, 'int');
  const inOrder = `FROM ${from} WHERE ${where}${onward} ORDER BY ${order.by}`;
  const part = `LIMIT ${limit} + 1${skip}`;
  const rest =
    chosenByIndex === true
      ? `FROM ${from} WHERE ${where} AND ${alias}.id = ANY (ARRAY(SELECT ${alias}.id ${inOrder} ${part})) ORDER BY ${order.by}`
      : `${inOrder} ${part}`;
  const counts =
    position === undefined ? countOf(from, where, countBound(source, order, query.count)) : undefined;
  const select = (shown: string, text = ''): string => {
    const page = `(SELECT ${shown}, ${order.expression}::text AS sort_value, ${revision}::text AS revision ${rest}) ${alias}`;
    const answer = `${alias}.id, ${alias}.sort_value, ${alias}.revision${text}`;
    // The count stands in every row, and alone where the page is empty.
    if (counts === undefined) return `SELECT ${answer} FROM ${page}`;
    return `SELECT ${answer}, counted FROM (SELECT ${counts} AS counted) total LEFT JOIN ${page} ON TRUE`;
  };
  return {
    whole: () => select(columns, `, CASE WHEN ${alias}.id IS NOT NULL THEN ${wire}::text END AS text`),
    places: () => select(`${alias}.id`),
  };
}

/** Counted no further than an answer tells, unless it was asked for. */
function countOf(from: string, where: string, bound: string): string {
  return `(SELECT count(*)::int FROM (SELECT FROM ${from} WHERE ${where}${bound}) matches)`;
}

function countBound<Field extends string>(
  { countsInOrder }: ListSource<Field>,
  order: Order,
  count: 'exact' | undefined,
): string {
  if (count === 'exact') return '';
  return `${countsInOrder === true ? ` ORDER BY ${order.by}` : ''} LIMIT ${TOTAL_CAP + 1}`;
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
