import { currencyDecimals, type AttributionModel } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';
import { Decimal } from '../money/decimal.ts';
import { allot, money, type Money } from '../money/index.ts';
import { attributionModels } from './models.ts';

/** Decimals of `attribution_weight`, numeric(7,6). */
const WEIGHT_DECIMALS = 6;

/** A valid click that led to the order, within the look-back window. */
export interface Touch {
  clickId: string;
  partnerId: string;
  clickedAt: Date;
  referralCode: string;
  subId: string | null;
}

/** A partner who is credited for an order, with the click (the partner's latest) or code that earned it. */
export type Credit = OrderAttribution['credits'][number];

type Claim = Omit<Credit, 'weight' | 'isPrimary'> & { credit: Decimal; clickedAt: string };

/**
 * Credits an order to the partners whose clicks led to it, in whatever order the touches come. A partner's clicks add
 * up; the weights of credits, and those of the path, add up to exactly 1. The primary credit comes first: the largest
 * weight, on a tie the latest click. A partner whose part rounds to a weight of 0 is not credited. Without a touch
 * nobody is.
 */
export function attributeClicks(model: AttributionModel, touches: readonly Touch[]): OrderAttribution {
  if (touches.length === 0) return { model, source: 'clicks', credits: [], path: [] };
  const ordered = touches.toSorted(byTime);
  const credits = attributionModels[model](ordered.map(({ clickedAt }) => clickedAt.getTime()));
  const weights = allot('1', credits, WEIGHT_DECIMALS);
  const path = ordered.map(({ clickId, partnerId, clickedAt }, index) => ({
    clickId,
    partnerId,
    clickedAt: clickedAt.toISOString(),
    weight: weights[index] ?? '0',
  }));
  return { model, source: 'clicks', credits: creditClaims(claimsOf(ordered, credits)), path };
}

/** Credits an order wholly to the partner of a referral code that the shop named without a click (a coupon). */
export function attributeCode(
  model: AttributionModel,
  code: { partnerId: string; referralCode: string },
): OrderAttribution {
  const { partnerId, referralCode } = code;
  const weight = new Decimal(1).toFixed(WEIGHT_DECIMALS);
  const credit = {
    partnerId,
    weight,
    isPrimary: true,
    clickId: null,
    referralCode,
    subId: null,
    clickedAt: null,
  };
  return { model, source: 'referral_code', credits: [credit], path: [] };
}

/**
 * The attributed amount of each credit on one line, in the order of the credits: they add up to exactly the line's
 * commissionable amount. In a small amount a light credit's share may be 0.00.
 * @throws {RangeError} without credits, or when the amount is finer than its currency
 */
export function shareAmount(
  amount: Money,
  currency: string,
  credits: readonly Pick<Credit, 'weight'>[],
): Money[] {
  const weights = credits.map(({ weight }) => weight);
  return allot(amount, weights, currencyDecimals(currency)).map((share) => money(share, currency));
}

/** One claim per partner; in some models many of them have a credit of 0. */
function claimsOf(touches: readonly Touch[], credits: readonly Decimal[]): Claim[] {
  const claims = new Map<string, Claim>();
  for (const [index, touch] of touches.entries()) {
    const { partnerId, clickId, referralCode, subId } = touch;
    const earlier = claims.get(partnerId)?.credit ?? new Decimal(0);
    const credit = earlier.plus(credits[index] ?? 0);
    const clickedAt = touch.clickedAt.toISOString();
    claims.set(partnerId, { partnerId, clickId, clickedAt, referralCode, subId, credit });
  }
  return [...claims.values()];
}

/** Claims are put in a settled order first, since the allotment serves the earlier of equal remainders. */
function creditClaims(claims: readonly Claim[]): Credit[] {
  const ordered = claims.toSorted((a, b) => b.credit.comparedTo(a.credit) || byLatestClick(a, b));
  const shares = allot(
    '1',
    ordered.map(({ credit }) => credit),
    WEIGHT_DECIMALS,
  );
  return (
    ordered
      .map(({ credit: _credit, ...claim }, index) => ({ ...claim, weight: shares[index] ?? '0' }))
      .filter(({ weight }) => new Decimal(weight).gt(0))
      // Once more by the weights as stored: who reads the rows must find the primary one by the same rule.
      .sort((a, b) => new Decimal(b.weight).comparedTo(a.weight) || byLatestClick(a, b))
      .map((credit, index) => ({ ...credit, isPrimary: index === 0 }))
  );
}

function byTime(a: Touch, b: Touch): number {
  return a.clickedAt.getTime() - b.clickedAt.getTime() || compareText(a.clickId, b.clickId);
}

/** Ties in time go to the smaller partner id. ISO timestamps sort as text. */
function byLatestClick(a: { clickedAt: string; partnerId: string }, b: typeof a): number {
  return compareText(b.clickedAt, a.clickedAt) || compareText(a.partnerId, b.partnerId);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
