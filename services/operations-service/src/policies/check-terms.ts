import { moneyFaults, type FieldError } from '@tributary/http-kit';
import type { Terms } from './policy-schema.ts';

type Bands = NonNullable<Terms['tiers']>;

const HOLDS_ITS_TERM = { percentage: 'rate', fixed: 'amount', tiered: 'tiers' } as const;

/** True when a policy speaks of money, and so applies to orders of one currency only; a bare percentage applies in every one. */
export function holdsAmounts(terms: Terms): boolean {
  const { type, minCommission, maxCommission, minOrderAmount, maxOrderAmount } = terms;
  const bounds = [minCommission, maxCommission, minOrderAmount, maxOrderAmount];
  return type !== 'percentage' || bounds.some((bound) => bound !== null);
}

/** What is wrong with terms that are each well-formed; every fault at once. */
export function faultsOfTerms(terms: Terms): FieldError[] {
  return [
    ...faultsOfType(terms),
    ...faultsOfCurrency(terms),
    ...faultsOfBounds(terms),
    ...(terms.tiers === null ? [] : faultsOfBands(terms.tiers)),
  ];
}

function faultsOfType(terms: Terms): FieldError[] {
  const own = HOLDS_ITS_TERM[terms.type];
  return (['rate', 'amount', 'tiers'] as const).flatMap((field) => {
    if (field === own)
      return terms[field] === null ? [{ path: field, message: `is needed for a ${terms.type} policy` }] : [];
    return terms[field] === null ? [] : [{ path: field, message: `does not go with a ${terms.type} policy` }];
  });
}

function faultsOfCurrency(terms: Terms): FieldError[] {
  const { currency } = terms;
  if (!holdsAmounts(terms)) return [];
  if (currency === null) return [{ path: 'currency', message: 'is needed by a policy that holds amounts' }];
  const { amount, minCommission, maxCommission, minOrderAmount, maxOrderAmount, tiers } = terms;
  const ofBands = (tiers ?? []).flatMap((band, index) => [
    [`tiers.${index}.minAmount`, band.minAmount] as const,
    [`tiers.${index}.maxAmount`, band.maxAmount] as const,
    [`tiers.${index}.amount`, band.amount] as const,
  ]);
  const amounts = { amount, minCommission, maxCommission, minOrderAmount, maxOrderAmount };
  return moneyFaults(currency, { ...amounts, ...Object.fromEntries(ofBands) });
}

function faultsOfBounds(terms: Terms): FieldError[] {
  const faults: FieldError[] = [];
  const ordered = (low: 'minCommission' | 'minOrderAmount', high: 'maxCommission' | 'maxOrderAmount') => {
    const [min, max] = [terms[low], terms[high]];
    if (min !== null && max !== null && min > max)
      faults.push({ path: low, message: `must not be above ${high}` });
  };
  ordered('minCommission', 'maxCommission');
  ordered('minOrderAmount', 'maxOrderAmount');
  const { validFrom, validUntil } = terms;
  if (validFrom !== null && validUntil !== null && Date.parse(validFrom) >= Date.parse(validUntil)) {
    faults.push({ path: 'validFrom', message: 'must be before validUntil' });
  }
  return faults;
}

/** Both ends belong to a band, and bands may touch: then the upper one has the amount. */
function faultsOfBands(bands: Bands): FieldError[] {
  return bands.flatMap((band, index) => {
    const at = `tiers.${index}`;
    const faults: FieldError[] = [];
    if ((band.rate === undefined) === (band.amount === undefined)) {
      faults.push({ path: at, message: 'must have either a rate or an amount' });
    }
    if (band.maxAmount !== undefined && band.maxAmount < band.minAmount) {
      faults.push({ path: `${at}.maxAmount`, message: 'must not be below minAmount' });
    }
    const before = bands[index - 1];
    if (before !== undefined && before.maxAmount === undefined) {
      faults.push({ path: `tiers.${index - 1}.maxAmount`, message: 'is needed by every band but the last' });
    } else if (
      before?.maxAmount !== undefined &&
      (band.minAmount < before.maxAmount || band.minAmount <= before.minAmount)
    ) {
      faults.push({ path: `${at}.minAmount`, message: 'must not be below the end of the band before' });
    }
    return faults;
  });
}
