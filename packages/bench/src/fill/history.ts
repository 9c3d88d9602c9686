import { ensurePartitions, type Database } from '@tributary/schema';

import { setIndexesAside } from './indexes.ts';
import { fillRollups } from './rollups.ts';
import { CATALOGUE, CLICKS, CURRENCIES, SALE_STATEMENTS } from './statements.ts';

/** How much of a programme's past to make. */
export interface HistorySize {
  readonly clicks: number;
  /** Each with one line, one conversion and one commission. */
  readonly orders: number;
  readonly partners: number;
  /** Ends now. */
  readonly days: number;
}

/** Several seconds a statement: enough that each costs nothing, and that progress is seen. */
const CLICKS_AT_ONCE = 200_000;
const ORDERS_AT_ONCE = 50_000;
const DAY_MS = 86_400_000;
const FILLED_TABLES = [
  'referral_clicks',
  'orders',
  'order_lines',
  'conversion_events',
  'commissions',
  'commission_entries',
];

type Log = (line: string) => void;

/**
 * Makes a programme's past in an empty, migrated database, as its owner (`connectForFilling`): set-based statements over
 * numbers, in order of time as rows of a living programme are, while the indexes are set aside; then the rollups. No events
 * and no audit rows: what reads figures does not look at them.
 */
export async function fillHistory(
  owner: Database,
  size: HistorySize,
  log: Log,
): Promise<{ from: Date; to: Date }> {
  const to = new Date();
  const from = new Date(to.getTime() - size.days * DAY_MS);
  await ensurePartitions(owner, from, size.days + 1);
  for (const { statement, rows } of CATALOGUE(size)) await owner.query(statement, [rows]);
  const indexes = await setIndexesAside(owner, FILLED_TABLES);
  const work = { owner, size, from, to, log };
  await inChunks(work, { what: 'clicks', count: size.clicks, rows: CLICKS_AT_ONCE, statements: [CLICKS] });
  const sales = { what: 'orders', count: size.orders, rows: ORDERS_AT_ONCE, statements: SALE_STATEMENTS };
  await inChunks(work, sales);
  await indexes.restore((name) => log(`index ${name}`));
  await owner.query('ANALYZE');
  await fillRollups(owner, { from, to, currencies: CURRENCIES, log });
  await owner.query('VACUUM ANALYZE');
  return { from, to };
}

interface Chunks {
  readonly what: string;
  readonly count: number;
  readonly rows: number;
  readonly statements: readonly string[];
}

interface Work {
  readonly owner: Database;
  readonly size: HistorySize;
  readonly from: Date;
  readonly to: Date;
  readonly log: Log;
}

/** In order: neighbours in time are neighbours in the table. */
async function inChunks(
  { owner, size, from, to, log }: Work,
  { what, count, rows, statements }: Chunks,
): Promise<void> {
  for (let first = 1; first <= count; first += rows) {
    const last = Math.min(count, first + rows - 1);
    for (const statement of statements) {
      await owner.query(statement, [first, last, from, to, size.partners, count]);
    }
    log(`${last} of ${count} ${what}`);
  }
}
