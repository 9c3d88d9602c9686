import t from 'tap';
import { adviseTier } from './tier-marks.ts';
import type { TierFacts } from './tier-marks.ts';

/** Exactly at the marks of each tier; one step short of one of them loses it. */
const AT_MARKS: Record<'silver' | 'gold' | 'platinum', TierFacts> = {
  silver: facts({ earnings: '5000.00', conversions: '30', refunds: '99' }),
  gold: facts({ earnings: '10000.00', conversions: '50', refunds: '49' }),
  platinum: facts({ earnings: '25000.00', conversions: '70', refunds: '29' }),
};
const BELOW = { silver: 'bronze', gold: 'silver', platinum: 'gold' } as const;

function facts(values: Partial<TierFacts>): TierFacts {
  return {
    currentTier: 'bronze',
    currency: 'USD',
    earnings: '0',
    clicks: '1000',
    conversions: '0',
    commissions: '1000',
    refunds: '0',
    ...values,
  };
}

t.test('each tier needs all of its marks, and the highest of those met is recommended', async (t) => {
  for (const tier of ['silver', 'gold', 'platinum'] as const) {
    const at = AT_MARKS[tier];
    t.match(adviseTier(at), { recommendedTier: tier, tierUpgradeEligible: true }, tier);
    const cent = (Number(at.earnings) - 0.01).toFixed(2);
    t.equal(adviseTier({ ...at, earnings: cent }).recommendedTier, BELOW[tier], `${tier}: a cent short`);
    const fewer = String(Number(at.conversions) - 1);
    t.equal(adviseTier({ ...at, conversions: fewer }).recommendedTier, BELOW[tier], `${tier}: conversions`);
    const more = String(Number(at.refunds) + 1);
    t.equal(
      adviseTier({ ...at, refunds: more }).recommendedTier,
      BELOW[tier],
      `${tier}: refunds at the mark`,
    );
  }
});

t.test('fewer than ten commissions are too few to say anything', async (t) => {
  t.same(adviseTier({ ...AT_MARKS.platinum, currentTier: 'gold', commissions: '9', refunds: '0' }), {
    recommendedTier: 'gold',
    tierUpgradeEligible: false,
    tierUpgradeReason: 'Insufficient data (minimum 10 commissions required)',
  });
  t.equal(adviseTier({ ...AT_MARKS.gold, commissions: '10', refunds: '0' }).recommendedTier, 'gold');
});

t.test('the reason names what was met, or what is missing', async (t) => {
  t.match(
    adviseTier(AT_MARKS.gold).tierUpgradeReason,
    /^Strong earnings and conversion rate: .*10000\.00 USD.*5 %.*4\.9 %.*gold/,
  );
  t.same(adviseTier({ ...AT_MARKS.gold, currentTier: 'gold' }), {
    recommendedTier: 'gold',
    tierUpgradeEligible: false,
    tierUpgradeReason:
      'Not yet platinum: earnings below 25000 USD, conversion rate below 7 %, refund rate not below 3 %',
  });
  t.match(adviseTier({ ...AT_MARKS.silver, currentTier: 'gold' }), {
    recommendedTier: 'silver',
    tierUpgradeEligible: false,
    tierUpgradeReason: /^Below the marks of gold: earnings below 10000 USD/,
  });
  t.match(
    adviseTier({ ...AT_MARKS.platinum, currentTier: 'platinum' }).tierUpgradeReason,
    /the highest tier/,
  );
});
