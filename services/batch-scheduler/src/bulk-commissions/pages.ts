import { DATE_COLUMNS, filterConditions, Parameters, type CommissionFilter } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { z } from 'zod';

type Checkpoint = Readonly<Record<string, unknown>>;

/** Some commissions to deal with, and where to go on once that is done. */
export interface Page {
  readonly ids: readonly string[];
  readonly checkpoint: Checkpoint;
  /** To be reported before any of them is changed, where those that were would not be found again. */
  readonly begun?: Checkpoint;
}

/** The commissions of a bulk job in a fixed order, from any checkpoint on. */
export interface BulkTarget {
  /** Undefined where counting would cost more than it tells. */
  count(): Promise<number | undefined>;
  pagesAfter(checkpoint: Checkpoint | null): AsyncIterable<Page>;
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

/** `begun`: the page that ends here, as long as it may have been dealt with in part. */
const filterCheckpoint = z.object({ at: z.string(), id: z.uuid(), begun: z.array(z.uuid()).optional() });
type Position = z.output<typeof filterCheckpoint>;

export interface FilterTarget {
  readonly programId: string;
  readonly filter: CommissionFilter;
  /** What came later than this was not meant. */
  readonly until: Date;
  /** They are to be paid: what was confirmed later stood on no list that anybody approved. */
  readonly pays: boolean;
}

/**
 * Walks by the filter's date and id: an index has that order, and none of the actions changes the date of a row that is already
 * in the set. A page is known by its ids from before its first change, because what has been changed need not match any more.
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
      if (position?.begun !== undefined) {
        const { begun, ...end } = position;
        yield { ids: begun, checkpoint: end };
      }
      for (;;) {
        const rows = await page(db, target, { column, position });
        const last = rows.at(-1);
        if (last === undefined) return;
        const end = { at: last.at.toISOString(), id: last.id };
        const ids = rows.map(({ id }) => id);
        position = end;
        yield { ids, checkpoint: end, begun: { ...end, begun: ids } };
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

function conditions(parameters: Parameters, { programId, filter, until, pays }: FilterTarget): string[] {
  const to =
    filter.to === undefined || Date.parse(filter.to) > until.getTime() ? until.toISOString() : filter.to;
  const where = filterConditions(parameters, programId, { ...filter, to });
  if (pays) {
    const limit = parameters.add(until.toISOString(), 'timestamptz');
    where.push(`(c.confirmed_at IS NULL OR c.confirmed_at < ${limit})`);
  }
  return where;
}
