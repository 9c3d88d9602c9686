import { PARTNER_TIERS } from '@tributary/schema';
import type { PartnerTier } from '@tributary/schema';
import type { Decimal } from 'decimal.js';
import { reaches, share } from './arithmetic.ts';

/** What a partner has to reach for a tier; amounts in the programme's currency, shares in percent. */
interface Marks {
  readonly minEarnings: number;
  readonly minConversionRate: number;
  readonly refundRateBelow: number;
}

const MARKS: Record<Exclude<PartnerTier, 'bronze'>, Marks> = {
  silver: { minEarnings: 5_000, minConversionRate: 3, refundRateBelow: 10 },
  gold: { minEarnings: 10_000, minConversionRate: 5, refundRateBelow: 5 },
  platinum: { minEarnings: 25_000, minConversionRate: 7, refundRateBelow: 3 },
};

const MIN_COMMISSIONS = 10;

/** A partner's range, as exact sums; all of them, save clicks, of what was sold in the programme's currency. */
export interface TierFacts {
  readonly currentTier: PartnerTier;
  /** The programme's. */
  readonly currency: string;
  readonly earnings: string;
  readonly clicks: string;
  readonly conversions: string;
  readonly commissions: string;
  readonly refunds: string;
}

export interface TierAdvice {
  readonly recommendedTier: PartnerTier;
  readonly tierUpgradeEligible: boolean;
  readonly tierUpgradeReason: string;
}

/** The highest tier all of whose marks are met. Ratios are compared unrounded. */
export function adviseTier(facts: TierFacts): TierAdvice {
  const { currentTier, currency } = facts;
  if (!reaches(facts.commissions, MIN_COMMISSIONS)) {
    return {
      recommendedTier: currentTier,
      tierUpgradeEligible: false,
      tierUpgradeReason: `Insufficient data (minimum ${MIN_COMMISSIONS} commissions required)`,
    };
  }
  const conversionRate = share(facts.conversions, facts.clicks);
  const refundRate = share(facts.refunds, facts.commissions);
  const meets = (marks: Marks): Met => ({
    earnings: reaches(facts.earnings, marks.minEarnings),
    conversionRate: conversionRate.gte(marks.minConversionRate),
    refundRate: refundRate.lt(marks.refundRateBelow),
  });
  const recommendedTier = highestTier(meets);
  const tierUpgradeEligible = rank(recommendedTier) > rank(currentTier);
  return {
    recommendedTier,
    tierUpgradeEligible,
    tierUpgradeReason: tierUpgradeEligible
      ? reasonFor(recommendedTier, facts, { conversionRate, refundRate })
      : reasonAgainst({ currentTier, currency, recommendedTier, meets }),
  };
}

interface Met {
  readonly earnings: boolean;
  readonly conversionRate: boolean;
  readonly refundRate: boolean;
}

interface Rates {
  readonly conversionRate: Decimal;
  readonly refundRate: Decimal;
}

function highestTier(meets: (marks: Marks) => Met): PartnerTier {
  const reached = PARTNER_TIERS.filter((tier) => tier === 'bronze' || allMet(meets(MARKS[tier])));
  return reached.at(-1) ?? 'bronze';
}

function allMet({ earnings, conversionRate, refundRate }: Met): boolean {
  return earnings && conversionRate && refundRate;
}

const rank = (tier: PartnerTier): number => PARTNER_TIERS.indexOf(tier);

function reasonFor(tier: PartnerTier, { earnings, currency }: TierFacts, rates: Rates): string {
  return (
    `Strong earnings and conversion rate: earnings of ${earnings} ${currency}, a conversion rate of ${percent(rates.conversionRate)} ` +
    `and a refund rate of ${percent(rates.refundRate)} meet every mark of ${tier}`
  );
}

const percent = (value: Decimal): string => `${value.toDecimalPlaces(2).toString()} %`;

/** Why not higher: what the next tier asks for and what is not there. */
function reasonAgainst({
  currentTier,
  currency,
  recommendedTier,
  meets,
}: {
  currentTier: PartnerTier;
  currency: string;
  recommendedTier: PartnerTier;
  meets: (marks: Marks) => Met;
}): string {
  if (rank(recommendedTier) < rank(currentTier)) {
    return `Below the marks of ${currentTier}: ${missing(currentTier, currency, meets)}`;
  }
  const next = PARTNER_TIERS[rank(currentTier) + 1];
  return next === undefined
    ? `Meets the marks of ${currentTier}, the highest tier`
    : `Not yet ${next}: ${missing(next, currency, meets)}`;
}

function missing(tier: PartnerTier, currency: string, meets: (marks: Marks) => Met): string {
  if (tier === 'bronze') return 'nothing is missing';
  const marks = MARKS[tier];
  const met = meets(marks);
  const faults = [
    met.earnings ? '' : `earnings below ${marks.minEarnings} ${currency}`,
    met.conversionRate ? '' : `conversion rate below ${marks.minConversionRate} %`,
    met.refundRate ? '' : `refund rate not below ${marks.refundRateBelow} %`,
  ];
  return faults.filter((fault) => fault !== '').join(', ');
}
