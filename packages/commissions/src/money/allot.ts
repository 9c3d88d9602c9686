import { Decimal, type DecimalInput } from './decimal.ts';

/**
 * Shares `total` out over weights by largest remainder: each share has at most `decimals` decimals and the shares add
 * up to exactly the total. Each differs from its exact share by less than one unit of the last decimal, a heavier
 * weight never gets the smaller share (of a positive total), and of equal remainders the earlier is served first: the
 * caller gives the weights in a settled order.
 * @returns the shares as decimal text with `decimals` decimals, in the order of the weights
 * @throws {RangeError} with no positive weight, a negative one, or a total finer than `decimals`
 */
export function allot(total: DecimalInput, weights: readonly DecimalInput[], decimals: number): string[] {
  const unit = new Decimal(10).pow(-decimals);
  const units = new Decimal(total).dividedBy(unit);
  if (!units.isInteger())
    throw new RangeError(`${units.times(unit).toFixed()} is finer than ${decimals} decimals`);
  const parts = weights.map((weight) => new Decimal(weight));
  const whole = parts.reduce((sum, part) => sum.plus(part), new Decimal(0));
  if (parts.some((part) => part.lt(0)) || whole.lte(0)) throw new RangeError('Weights must be positive');

  // A negative total (a claw-back) is the mirror image of the positive one.
  const shares = allotUnits(units.abs(), parts, whole);
  const sign = units.isNegative() ? -1 : 1;
  return shares.map((share) => share.times(unit).times(sign).toFixed(decimals));
}

/** Quotient and remainder are both taken as integers of the division, so that no rounding decides who is served. */
function allotUnits(units: Decimal, parts: readonly Decimal[], whole: Decimal): Decimal[] {
  const shares = parts.map((part) => units.times(part).divToInt(whole));
  const remainders = parts.map((part) => units.times(part).modulo(whole));
  const missing = shares.reduce((left, share) => left.minus(share), units).toNumber();
  const served = remainders
    .map((remainder, index) => ({ remainder, index }))
    .sort((a, b) => b.remainder.comparedTo(a.remainder) || a.index - b.index)
    .slice(0, missing);
  const extra = new Set(served.map(({ index }) => index));
  return shares.map((share, index) => (extra.has(index) ? share.plus(1) : share));
}
