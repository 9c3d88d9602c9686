import type { PolicyTierBand } from '@tributary/schema/tables';
import { Decimal } from '../money/decimal.ts';

/**
 * The band that holds an amount. Both ends belong to a band, and where two bands touch, the one that starts there has
 * the amount: "0 to 100, 100 to 500" and "0 to 99.99, 100 to 500" mean the same, and neither leaves a gap.
 */
export function bandFor(bands: readonly PolicyTierBand[], amount: string): PolicyTierBand | undefined {
  const value = new Decimal(amount);
  return bands
    .filter(
      (band) => value.gte(band.minAmount) && (band.maxAmount === undefined || value.lte(band.maxAmount)),
    )
    .toSorted((a, b) => new Decimal(b.minAmount).comparedTo(a.minAmount))[0];
}

/** "from 100 to 500", or "from 500 on". */
export function describeBand({ minAmount, maxAmount }: PolicyTierBand): string {
  return maxAmount === undefined ? `from ${minAmount} on` : `from ${minAmount} to ${maxAmount}`;
}
