import { Decimal } from 'decimal.js';

/** Sums come from Postgres as exact text; quotients are computed to 50 digits and rounded once, half away from zero. */
const Exact = Decimal.clone({ precision: 50, rounding: Decimal.ROUND_HALF_UP });

export type Quantity = string | number;

/** An unrounded quotient; 0 where the denominator is 0. */
function quotient(numerator: Quantity, denominator: Quantity): Decimal {
  const divisor = new Exact(denominator);
  return divisor.isZero() ? new Exact(0) : new Exact(numerator).div(divisor);
}

/** An average, to two decimals. */
export function average(total: Quantity, count: Quantity): number {
  return rounded(quotient(total, count));
}

/** A share in percent, unrounded: what marks are compared with. */
export function share(part: Quantity, whole: Quantity): Decimal {
  return quotient(part, whole).times(100);
}

/** A share in percent, to two decimals. */
export function percentage(part: Quantity, whole: Quantity): number {
  // Times 100 first, so that the only inexact step is the division.
  return rounded(quotient(new Exact(part).times(100).toString(), whole));
}

/** A sum of money, or a count, as a JSON number. */
export function amount(sum: Quantity): number {
  return Number(sum);
}

/** The sum of counts. */
export function total(...counts: Quantity[]): string {
  return Exact.sum(0, ...counts).toString();
}

/** Whether `sum` is at least `mark`. */
export function reaches(sum: Quantity, mark: number): boolean {
  return new Exact(sum).gte(mark);
}

function rounded(value: Decimal): number {
  return value.toDecimalPlaces(2).toNumber();
}
