import { Decimal as DecimalJs } from 'decimal.js';

/**
 * Decimals as this package computes with them. Sixty digits keep every product of an amount (14 digits), a weight (7),
 * a rate (9) and a quantity (10) exact; ROUND_HALF_UP of decimal.js is "half away from zero", for negatives too.
 */
export const Decimal = DecimalJs.clone({ precision: 60, rounding: DecimalJs.ROUND_HALF_UP });
export type Decimal = DecimalJs;

/** What arithmetic here takes: a decimal, or its text. Numbers are left out, so that none sneaks in computed. */
export type DecimalInput = Decimal | string;

/** Text of a decimal without exponent, at most `decimals` of them, for sentences and decision data. */
export function plainText(value: Decimal, decimals = 10): string {
  return value.toDecimalPlaces(decimals).toFixed();
}
