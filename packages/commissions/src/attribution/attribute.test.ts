import { ATTRIBUTION_MODELS, type AttributionModel } from '@tributary/schema';
import * as fc from 'fast-check';
import t from 'tap';
import { textOf, unitsOf } from '../../test/bigint-reference.ts';
import { attributeClicks, attributeCode, shareAmount, type Touch } from './index.ts';

const DAY = 24 * 60 * 60 * 1000;
const START = Date.parse('2026-06-01T00:00:00Z');

/** A click of a partner, so many days after the first of June. */
function touch(partnerId: string, day: number, clickId = `click-${day}-${partnerId}`): Touch {
  const clickedAt = new Date(START + day * DAY);
  return { clickId, partnerId, clickedAt, referralCode: `CODE-${partnerId}`, subId: null };
}

/** "a 0.400000, b 0.600000", the primary credit first. */
function credits(model: AttributionModel, touches: readonly Touch[]): string {
  const { credits } = attributeClicks(model, touches);
  return credits.map(({ partnerId, weight }) => `${partnerId} ${weight}`).join(', ');
}

const journey = [touch('a', 0), touch('b', 3), touch('c', 5), touch('b', 7)];

t.test('last touch credits the latest click, first touch the earliest', async (t) => {
  t.equal(credits('last_touch', journey), 'b 1.000000');
  t.equal(credits('first_touch', journey), 'a 1.000000');
});

t.test('linear shares equally per click, and a partner’s clicks add up', async (t) => {
  t.equal(credits('linear', journey), 'b 0.500000, c 0.250000, a 0.250000');
  const three = [touch('a', 0), touch('b', 1), touch('c', 2)];
  t.equal(
    credits('linear', three),
    'c 0.333334, b 0.333333, a 0.333333',
    'the latest has what cannot be shared',
  );
});

t.test('time decay halves a click’s credit every seven days', async (t) => {
  t.equal(credits('time_decay', [touch('a', 0), touch('b', 7)]), 'b 0.666667, a 0.333333');
  t.equal(
    credits('time_decay', [touch('a', 0), touch('b', 7), touch('c', 14)]),
    'c 0.571429, b 0.285714, a 0.142857',
  );
});

t.test('position based gives 40 % each to the first and last click and shares 20 % between', async (t) => {
  t.equal(credits('position_based', [touch('a', 0)]), 'a 1.000000');
  t.equal(credits('position_based', [touch('a', 0), touch('b', 1)]), 'b 0.500000, a 0.500000');
  t.equal(
    credits('position_based', [touch('a', 0), touch('b', 1), touch('c', 2)]),
    'c 0.400000, a 0.400000, b 0.200000',
  );
  t.equal(credits('position_based', journey), 'b 0.500000, a 0.400000, c 0.100000');
});

t.test('the primary credit has the largest weight, and on a tie the latest click', async (t) => {
  const { credits: tied } = attributeClicks('linear', [
    touch('a', 4),
    touch('b', 1),
    touch('b', 2),
    touch('a', 3),
  ]);
  t.match(tied, [
    { partnerId: 'a', isPrimary: true, clickId: 'click-4-a', referralCode: 'CODE-a' },
    { partnerId: 'b', isPrimary: false, clickId: 'click-2-b' },
  ]);
});

t.test('credits that are equal as stored count as a tie, however they were before rounding', async (t) => {
  const second = 1 / (24 * 60 * 60);
  const nearlyEqual = [touch('a', second, 'one'), touch('a', second, 'two'), touch('b', 7)];
  t.equal(credits('time_decay', nearlyEqual), 'b 0.500000, a 0.500000');
});

t.test('a credit names the partner’s latest click', async (t) => {
  const { credits } = attributeClicks('first_touch', journey);
  t.same(credits, [
    {
      partnerId: 'a',
      weight: '1.000000',
      isPrimary: true,
      clickId: 'click-0-a',
      referralCode: 'CODE-a',
      subId: null,
      clickedAt: '2026-06-01T00:00:00.000Z',
    },
  ]);
});

t.test('the path keeps every touch, oldest first, with its own weight', async (t) => {
  const { path, source, model } = attributeClicks('linear', journey.toReversed());
  t.equal(`${model} ${source}`, 'linear clicks');
  t.same(
    path.map(({ clickId, weight }) => `${clickId} ${weight}`),
    ['click-0-a 0.250000', 'click-3-b 0.250000', 'click-5-c 0.250000', 'click-7-b 0.250000'],
  );
});

t.test('a partner whose part rounds to nothing is not credited', async (t) => {
  const { credits, path } = attributeClicks('time_decay', [touch('a', 0), touch('b', 365)]);
  t.same(
    credits.map(({ partnerId, weight }) => `${partnerId} ${weight}`),
    ['b 1.000000'],
  );
  t.equal(path.length, 2);
});

t.test('without a touch nobody is credited', async (t) => {
  t.same(attributeClicks('linear', []), { model: 'linear', source: 'clicks', credits: [], path: [] });
});

t.test('a code without a click is credited wholly to its partner', async (t) => {
  t.same(attributeCode('last_touch', { partnerId: 'a', referralCode: 'SAVE10' }), {
    model: 'last_touch',
    source: 'referral_code',
    credits: [
      {
        partnerId: 'a',
        weight: '1.000000',
        isPrimary: true,
        clickId: null,
        referralCode: 'SAVE10',
        subId: null,
        clickedAt: null,
      },
    ],
    path: [],
  });
});

t.test('attributed amounts add up to the commissionable amount of each line', async (t) => {
  const { credits } = attributeClicks('linear', [touch('a', 1), touch('b', 2), touch('c', 3)]);
  t.same(shareAmount('100.00', 'USD', credits), ['33.34', '33.33', '33.33']);
  t.same(shareAmount('1.00', 'KRW', credits), ['1.00', '0.00', '0.00']);
  t.throws(() => shareAmount('10.50', 'KRW', credits), RangeError);
  t.throws(() => shareAmount('10.00', 'USD', []), RangeError);
});

const touches = fc.array(
  fc.record({ partner: fc.constantFrom('a', 'b', 'c', 'd', 'e'), ms: fc.nat(30 * DAY), click: fc.uuid() }),
  { minLength: 1, maxLength: 40 },
);
const asTouches = (list: { partner: string; ms: number; click: string }[]): Touch[] =>
  list.map(({ partner, ms, click }) => touch(partner, ms / DAY, click));
const model = fc.constantFrom(...ATTRIBUTION_MODELS);
const unitsSum = (texts: readonly string[], decimals: number): bigint =>
  texts.reduce((sum, text) => sum + unitsOf(text, decimals), 0n);

t.test('weights add up to exactly 1, of credits and of the path, and every credit has one', async (t) => {
  fc.assert(
    fc.property(model, touches, (model, list) => {
      const { credits, path } = attributeClicks(model, asTouches(list));
      const partners = new Set(credits.map(({ partnerId }) => partnerId));
      return (
        unitsSum(
          credits.map(({ weight }) => weight),
          6,
        ) === 1_000_000n &&
        unitsSum(
          path.map(({ weight }) => weight),
          6,
        ) === 1_000_000n &&
        credits.every(({ weight }) => /^[01]\.\d{6}$/.test(weight) && unitsOf(weight, 6) > 0n) &&
        partners.size === credits.length &&
        path.length === list.length
      );
    }),
  );
  t.pass('in every model, for any touches');
});

t.test('exactly one credit is primary: the largest weight, on a tie the latest click', async (t) => {
  fc.assert(
    fc.property(model, touches, (model, list) => {
      const [primary, ...others] = attributeClicks(model, asTouches(list)).credits;
      if (primary?.isPrimary !== true) return false;
      return others.every(
        ({ weight, clickedAt, isPrimary }) =>
          !isPrimary &&
          (unitsOf(weight, 6) < unitsOf(primary.weight, 6) ||
            (weight === primary.weight && String(clickedAt) <= String(primary.clickedAt))),
      );
    }),
  );
  t.pass('in every model, for any touches');
});

t.test('the order in which touches are read does not matter', async (t) => {
  const shuffled = touches.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  );
  fc.assert(
    fc.property(model, shuffled, (model, [list, reordered]) => {
      const [one, other] = [list, reordered].map((some) => attributeClicks(model, asTouches(some)));
      return JSON.stringify(one) === JSON.stringify(other);
    }),
  );
  t.pass('in every model, for any touches');
});

t.test('amounts of any line add up, and a heavier credit never gets less', async (t) => {
  fc.assert(
    fc.property(model, touches, fc.bigInt({ min: 0n, max: 10_000_000n }), (model, list, units) => {
      const { credits } = attributeClicks(model, asTouches(list));
      const amounts = shareAmount(textOf(units, 2), 'USD', credits);
      const descending = amounts.every(
        (amount, index) => index === 0 || unitsOf(amount, 2) <= unitsOf(amounts[index - 1] ?? '', 2),
      );
      return unitsSum(amounts, 2) === units && descending;
    }),
  );
  t.pass('in every model, for any amount');
});
