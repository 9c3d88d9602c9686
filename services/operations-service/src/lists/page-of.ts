import { listMeta, listText, pageQuery } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { z } from 'zod';

const { page, limit } = pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' });

/** The query of a list that belongs to one record and has one order. */
export const pageOfQuery = z.strictObject({ page, limit });

/** A page of what belongs to the record `id`. */
export interface PageOf extends z.output<typeof pageOfQuery> {
  readonly id: string;
}

/**
 * Reads a page of what belongs to one record. Such lists are short: all of them are counted, and there is no cursor.
 * @param statement answers `rows`, a JSON array as text, and `counted`, or nothing where there is no such record; it takes the
 *   programme, the id, the limit and the offset
 * @returns the text of the whole answer
 */
export async function pageOf(
  db: Pick<Database, 'query'>,
  statement: string,
  programId: string,
  { id, page, limit }: PageOf,
): Promise<string | undefined> {
  const [found] = await db.query<{ rows: string; counted: number }>(statement, [
    programId,
    id,
    limit,
    (page - 1) * limit,
  ]);
  if (found === undefined) return undefined;
  return listText(found.rows, listMeta({ counted: found.counted, exact: true, page, limit }));
}
