import { DATE_COLUMNS, filterConditions, Parameters, type CommissionFilter } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { z } from 'zod';

/** Some commissions to deal with, and where to go on once that is done. */
export interface Page {
  readonly ids: readonly string[];
  readonly checkpoint: Readonly<Record<string, unknown>>;
}

/** The commissions of a bulk job in a fixed order, from any checkpoint on. */
export interface BulkTarget {
  /** Undefined where counting would cost more than it tells. */
  count(): Promise<number | undefined>;
  pagesAfter(checkpoint: Readonly<Record<string, unknown>> | null): AsyncIterable<Page>;
}

const PAGE = 500;
/** A count of more than this many rows would near the statement time-out. */
const COUNTED = 1_000_000;

const idsCheckpoint = z.object({ position: z.int().min(0) });

export function targetOfIds(given: readonly string[]): BulkTarget {
  const ids = [...new Set(given)];
  return {
    count: async () => ids.length,
    async *pagesAfter(checkpoint) {
      let position = checkpoint === null ? 0 : idsCheckpoint.parse(checkpoint).position;
      while (position < ids.length) {
        const page = ids.slice(position, position + PAGE);
        position += page.length;
        yield { ids: page, checkpoint: { position } };
      }
    },
  };
}

const filterCheckpoint = z.object({ at: z.string(), id: z.uuid() });
type Position = z.output<typeof filterCheckpoint>;

export interface FilterTarget {
  readonly programId: string;
  readonly filter: CommissionFilter;
  /** What came later than this was not meant. */
  readonly until: Date;
}

/**
 * Walks by the filter's date and id: an index has that order, and none of the actions changes the date of a row that is already
 * in the set.
 */
export function targetOfFilter(db: Pick<Database, 'query'>, target: FilterTarget): BulkTarget {
  const column = DATE_COLUMNS[target.filter.dateField];
  return {
    async count() {
      const parameters = new Parameters();
      const where = conditions(parameters, target).join(' AND ');
      const limit = parameters.add(COUNTED + 1, 'int');
      const [row] = await db.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM (SELECT FROM commissions c WHERE ${where} LIMIT ${limit}) found`,
        parameters.values,
      );
      return row === undefined || row.count > COUNTED ? undefined : row.count;
    },
    async *pagesAfter(checkpoint) {
      let position = checkpoint === null ? undefined : filterCheckpoint.parse(checkpoint);
      for (;;) {
        const rows = await page(db, target, { column, position });
        const last = rows.at(-1);
        if (last === undefined) return;
        position = { at: last.at.toISOString(), id: last.id };
        yield { ids: rows.map(({ id }) => id), checkpoint: position };
      }
    },
  };
}

function page(
  db: Pick<Database, 'query'>,
  target: FilterTarget,
  { column, position }: { readonly column: string; readonly position: Position | undefined },
): Promise<{ id: string; at: Date }[]> {
  const parameters = new Parameters();
  const where = conditions(parameters, target);
  if (position !== undefined) {
    where.push(
      `(${column}, c.id) > (${parameters.add(position.at, 'timestamptz')}, ${parameters.add(position.id, 'uuid')})`,
    );
  }
  return db.query(
    `SELECT c.id, ${column} AS at FROM commissions c WHERE ${where.join(' AND ')}
     ORDER BY ${column}, c.id LIMIT ${parameters.add(PAGE, 'int')}`,
    parameters.values,
  );
}

function conditions(parameters: Parameters, { programId, filter, until }: FilterTarget): string[] {
  return filterConditions(parameters, programId, { ...filter, to: filter.to ?? until.toISOString() });
}
