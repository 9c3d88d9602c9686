import { Parameters } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { z } from 'zod';
import type { CommissionFilter } from './parameters.ts';

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

const DATE_COLUMNS = { created: 'c.created_at', confirmed: 'c.confirmed_at', paid: 'c.paid_at' } as const;

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

/** As operations-service lists them; statuses and kinds stand in the text, where partial indexes find them. */
function conditions(parameters: Parameters, { programId, filter, until }: FilterTarget): string[] {
  const { partnerId, policyId, status, kind, from, to, minAmount, maxAmount, search } = filter;
  const column = DATE_COLUMNS[filter.dateField];
  const where = [
    `c.program_id = ${parameters.add(programId, 'text')}`,
    `${column} >= ${parameters.add(from, 'timestamptz')}`,
    `${column} < ${parameters.add(to ?? until, 'timestamptz')}`,
  ];
  if (partnerId !== undefined) where.push(`c.partner_id = ${parameters.add(partnerId, 'uuid')}`);
  if (policyId !== undefined) where.push(`c.policy_id = ${parameters.add(policyId, 'uuid')}`);
  if (status !== undefined) where.push(`c.status = '${status}'`);
  if (kind !== undefined)
    where.push(`c.kind = '${kind}'${kind === 'earning' ? '' : " AND c.kind <> 'earning'"}`);
  if (minAmount !== undefined) where.push(`c.commission_amount >= ${parameters.add(minAmount, 'numeric')}`);
  if (maxAmount !== undefined) where.push(`c.commission_amount <= ${parameters.add(maxAmount, 'numeric')}`);
  if (search !== undefined) {
    const pattern = parameters.add(`%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`, 'text');
    where.push(`(c.order_id ILIKE ${pattern} OR c.referral_code ILIKE ${pattern})`);
  }
  return where;
}
