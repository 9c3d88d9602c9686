import { sums } from '@tributary/rollups';
import type { EarningFigure, PartnerFigure } from '@tributary/rollups';
import { total } from './arithmetic.ts';

/** Sums as Postgres answers them: exact text, null where there was nothing to sum. */
export type Sums<Figure extends string> = { [Name in CamelCase<Figure>]: string | null };
/** The same with 0 for nothing. */
export type Totals<Figure extends string> = { [Name in CamelCase<Figure>]: string };

type CamelCase<Text extends string> = Text extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Text;

export type PartnerSums = Sums<PartnerFigure>;
export type PartnerTotals = Totals<PartnerFigure>;

export type EarningTotals = Totals<EarningFigure>;

/** `sum(f.name) AS name` of each name. */
export function sumsOf(names: readonly string[]): string {
  return sums(Object.fromEntries(names.map((name) => [name, `f.${name}`])));
}

/** Replaces nulls by 0. */
export function totalsOf<Row extends object>(
  row: Row,
): { [Name in keyof Row]: NonNullable<Row[Name]> | '0' } {
  const filled = Object.entries(row).map(([name, value]) => [name, value ?? '0']);
  return Object.fromEntries(filled) as { [Name in keyof Row]: NonNullable<Row[Name]> | '0' };
}

/** Earnings that are not cancelled. */
export function countCommissions(
  of: Pick<EarningTotals, 'pendingCount' | 'confirmedCount' | 'paidCount'>,
): string {
  return total(of.pendingCount, of.confirmedCount, of.paidCount);
}
