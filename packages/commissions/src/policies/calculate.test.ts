import * as fc from 'fast-check';
import t from 'tap';
import { divideRounded, textOf, unitsOf } from '../../test/bigint-reference.ts';
import { line, policy } from '../../test/policy-fixtures.ts';
import { MoneyError } from '../money/index.ts';
import { calculateCommission, type CommissionLine, type Policy } from './index.ts';

const percent = (rate: string, terms: Partial<Policy> = {}): Policy =>
  policy({ rate, currency: 'USD', ...terms });
const fixed = (amount: string, terms: Partial<Policy> = {}): Policy =>
  policy({ type: 'fixed', rate: null, amount, currency: 'USD', ...terms });
const tiered = (tiers: NonNullable<Policy['tiers']>): Policy =>
  policy({ type: 'tiered', rate: null, tiers, currency: 'USD' });
const amountOf = (policies: Policy | Policy[], terms: Partial<CommissionLine> = {}): string =>
  calculateCommission([policies].flat(), line(terms)).amount;
const sentences = (policies: Policy | Policy[], terms: Partial<CommissionLine> = {}): string[] =>
  calculateCommission([policies].flat(), line(terms)).steps.map(({ sentence }) => sentence);

/** A line worth `whole` of which one partner is credited a part. */
const credited = (whole: string, part: string, weight: string): Partial<CommissionLine> => ({
  orderAmount: whole,
  commissionableAmount: whole,
  attributedAmount: part,
  attributionWeight: weight,
});

t.test('a percentage is of the attributed commissionable amount', async (t) => {
  t.equal(amountOf(percent('10.000000')), '20.00');
  t.equal(amountOf(percent('10'), { attributedAmount: '80.00', attributionWeight: '0.400000' }), '8.00');
  t.equal(amountOf(percent('7.125'), { orderAmount: '500.00', attributedAmount: '99.99' }), '7.12');
  t.same(sentences(percent('7.125'), { attributedAmount: '99.99' }), [
    'BASE: 7.125 % of 99.99 is 7.1242875 USD.',
    'Rounded half away from zero to 2 decimals: 7.12 USD.',
  ]);
});

t.test('no artefact of binary numbers reaches an amount', async (t) => {
  t.equal(amountOf(percent('1.005'), credited('100.00', '100.00', '1')), '1.01');
  t.equal(amountOf(percent('50'), credited('0.01', '0.01', '1')), '0.01');
  t.equal(amountOf(tiered([{ minAmount: 0, rate: 1.005 }]), credited('100.00', '100.00', '1')), '1.01');
});

t.test('a fixed amount counts per piece and by the weight', async (t) => {
  t.equal(amountOf(fixed('3.50'), { quantity: 4 }), '14.00');
  t.equal(
    amountOf(fixed('3.50'), { quantity: 4, attributedAmount: '80.00', attributionWeight: '0.4' }),
    '5.60',
  );
  t.same(sentences(fixed('3.50'), { quantity: 4, attributionWeight: '0.400000' }), [
    'BASE: 3.50 x 4 x weight 0.4 is 5.6 USD.',
  ]);
});

t.test('a band is chosen by the whole line and prices the whole attributed amount', async (t) => {
  const bands = tiered([
    { minAmount: 0, maxAmount: 100, rate: 5 },
    { minAmount: 100, maxAmount: 500, rate: 8 },
    { minAmount: 500, rate: 10.5 },
  ]);
  t.equal(amountOf(bands, credited('99.99', '99.99', '1')), '5.00');
  t.equal(amountOf(bands, credited('100.00', '100.00', '1')), '8.00', 'where bands touch, the upper one');
  t.equal(amountOf(bands, credited('500.00', '500.00', '1')), '52.50');
  t.equal(amountOf(bands, credited('600.00', '60.00', '0.1')), '6.30', 'the line, not the part credited');
  t.equal(calculateCommission([bands], line()).rate, '8');
  t.same(sentences(bands), ['BASE: 200.00 is in the band from 100 to 500: 8 % of 200.00 is 16 USD.']);
});

t.test('bands written with a gap of a cent, and in any order, leave no hole', async (t) => {
  const bands = tiered([
    { minAmount: 100, rate: 8 },
    { minAmount: 0, maxAmount: 99.99, rate: 5 },
  ]);
  t.equal(amountOf(bands, credited('99.99', '99.99', '1')), '5.00');
  t.equal(amountOf(bands, credited('100.00', '100.00', '1')), '8.00');
});

t.test('a band may pay an amount for the line, by the weight', async (t) => {
  const bands = tiered([{ minAmount: 0, amount: 12.5 }]);
  t.equal(amountOf(bands, { quantity: 3 }), '12.50');
  t.equal(amountOf(bands, credited('200.00', '80.00', '0.4')), '5.00');
  t.equal(calculateCommission([bands], line()).rate, null);
});

t.test('the rate is the winner’s percent, and null where it pays an amount', async (t) => {
  t.equal(calculateCommission([percent('10.000000'), fixed('1.00')], line()).rate, '10');
  t.equal(calculateCommission([fixed('1.00'), percent('10')], line()).rate, null);
});

t.test('minimum and maximum bound the amount, scaled by the weight', async (t) => {
  t.equal(amountOf(percent('1', { minCommission: '5.00' })), '5.00');
  t.equal(amountOf(percent('50', { maxCommission: '30.00' })), '30.00');
  t.equal(amountOf(percent('1', { minCommission: '5.00' }), credited('200.00', '80.00', '0.4')), '2.00');
  t.equal(amountOf(percent('50', { maxCommission: '30.00' }), credited('200.00', '80.00', '0.4')), '12.00');
  t.equal(amountOf(percent('10', { minCommission: '20.00', maxCommission: '20.00' })), '20.00');
  t.same(sentences(percent('1', { minCommission: '5.00' }), credited('200.00', '80.00', '0.4')), [
    'BASE: 1 % of 80.00 is 0.8 USD.',
    'BASE: raised to its minimum 5.00 x weight 0.4, 2 USD.',
  ]);
});

t.test('a commission is never more than the attributed amount', async (t) => {
  t.equal(amountOf(fixed('300.00')), '200.00');
  t.equal(amountOf(percent('1', { minCommission: '50.00' }), credited('10.00', '10.00', '1')), '10.00');
  t.equal(amountOf(percent('1', { minCommission: '50.00' }), credited('10.00', '0.00', '0.000001')), '0.00');
  t.equal(sentences(fixed('300.00'))[1], 'Never more than the attributed amount: 300 becomes 200 USD.');
});

t.test('stacked policies keep to their own bounds, are summed, then capped', async (t) => {
  const capped = percent('50', { code: 'HALF', maxCommission: '30.00' });
  const { amount, parts, steps } = calculateCommission([capped, fixed('2.50', { code: 'PLUS' })], line());
  t.equal(amount, '32.50');
  t.same(parts, ['30.00', '2.50']);
  t.same(
    steps.map(({ step, policyCode, result }) => [step, policyCode, result]),
    [
      ['percentage', 'HALF', '100'],
      ['maximum', 'HALF', '30'],
      ['fixed', 'PLUS', '2.5'],
      ['sum', null, '32.5'],
    ],
  );
  t.equal(amountOf([fixed('150.00'), fixed('150.00')]), '200.00');
  t.same(calculateCommission([fixed('300.00'), fixed('100.00')], line()).parts, ['150.00', '50.00']);
});

t.test('stacked amounts are rounded once, as a sum', async (t) => {
  const third = percent('0.333');
  t.equal(amountOf([third, third, third], credited('1.00', '1.00', '1')), '0.01');
  t.equal(amountOf([third], credited('1.00', '1.00', '1')), '0.00');
});

t.test('a currency without decimals gets none', async (t) => {
  const won = credited('12345.00', '12345.00', '1');
  t.equal(amountOf(percent('10'), { ...won, currency: 'KRW' }), '1235.00');
  t.throws(
    () => amountOf(percent('10'), { ...won, attributedAmount: '12345.50', currency: 'KRW' }),
    MoneyError,
  );
});

t.test('what was refunded before reduces the commission as it would have afterwards', async (t) => {
  const remaining = { left: '120.00', of: '200.00' };
  t.equal(amountOf(percent('10'), { remaining }), '12.00');
  t.equal(amountOf(fixed('3.00'), { remaining, quantity: 2 }), '3.60');
  t.equal(amountOf(percent('10', { maxCommission: '10.00' }), { remaining }), '6.00');
  t.equal(amountOf(fixed('300.00'), { remaining }), '120.00', 'never more than what is left');
  t.equal(
    sentences(percent('10'), { remaining })[1],
    'Refunds have left 120.00 of 200.00: 20 x 120.00 / 200.00 is 12 USD.',
  );
  t.equal(amountOf(percent('10'), { remaining: { left: '0.00', of: '200.00' } }), '0.00');
  t.throws(() => amountOf(percent('10'), { remaining: { left: '201.00', of: '200.00' } }), RangeError);
});

const cents = fc.bigInt({ min: 0n, max: 10_000_000n });
const rate = fc.bigInt({ min: 0n, max: 100_000_000n });
const weight = fc.bigInt({ min: 1n, max: 1_000_000n });
const quantity = fc.integer({ min: 1, max: 1000 });

t.test('a bounded percentage is what integers compute', async (t) => {
  fc.assert(
    fc.property(fc.tuple(cents, rate, weight), fc.tuple(cents, cents), ([part, rate, weight], [a, b]) => {
      const [min, max] = a < b ? [a, b] : [b, a];
      const bounds = { minCommission: textOf(min, 2), maxCommission: textOf(max, 2) };
      const amount = amountOf(percent(textOf(rate, 6), bounds), {
        ...credited(textOf(part, 2), textOf(part, 2), textOf(weight, 6)),
      });
      // All in units of a cent x 10^-8: rate and percent are eight decimals together, the weight's six are scaled up.
      const clamp = (value: bigint): bigint => {
        const [low, high] = [min * weight * 100n, max * weight * 100n];
        const bounded = value < low ? low : value > high ? high : value;
        const cap = part * 100_000_000n;
        return bounded > cap ? cap : bounded;
      };
      return amount === textOf(divideRounded(clamp(part * rate), 100_000_000n), 2);
    }),
  );
  t.pass('for any amount, rate, weight and bounds');
});

t.test('a fixed amount is what integers compute', async (t) => {
  fc.assert(
    fc.property(cents, cents, weight, quantity, (part, each, weight, quantity) => {
      const terms = { ...credited(textOf(part, 2), textOf(part, 2), textOf(weight, 6)), quantity };
      const exact = divideRounded(each * BigInt(quantity) * weight, 1_000_000n);
      return amountOf(fixed(textOf(each, 2)), terms) === textOf(exact > part ? part : exact, 2);
    }),
  );
  t.pass('for any amount, weight and quantity');
});

const anyPolicy = fc.oneof(
  fc.record({ rate, min: cents, max: cents }).map(({ rate, min, max }) => {
    const [low, high] = min < max ? [min, max] : [max, min];
    return percent(textOf(rate, 6), { minCommission: textOf(low, 2), maxCommission: textOf(high, 2) });
  }),
  cents.map((each) => fixed(textOf(each, 2))),
  rate.map((units) => tiered([{ minAmount: 0, rate: Number(textOf(units, 6)) }])),
);

t.test(
  'whatever is stacked stays between nothing and the attributed amount, and its parts add up',
  async (t) => {
    const policies = fc.array(anyPolicy, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(policies, cents, weight, quantity, (policies, part, weight, quantity) => {
        const terms = { ...credited(textOf(part, 2), textOf(part, 2), textOf(weight, 6)), quantity };
        const { amount, parts } = calculateCommission(policies, line(terms));
        const units = unitsOf(amount, 2);
        const sum = parts.reduce((left, share) => left + unitsOf(share, 2), 0n);
        return units >= 0n && units <= part && sum === units && parts.length === policies.length;
      }),
    );
    t.pass('for any policies');
  },
);

t.test('a larger attributed amount, or one more policy, never earns less', async (t) => {
  fc.assert(
    fc.property(anyPolicy, anyPolicy, fc.tuple(cents, cents), weight, (first, second, [a, b], weight) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      const terms = (part: bigint): CommissionLine =>
        line(credited(textOf(more, 2), textOf(part, 2), textOf(weight, 6)));
      const earned = (policies: Policy[], part: bigint): bigint =>
        unitsOf(calculateCommission(policies, terms(part)).amount, 2);
      return (
        earned([first], less) <= earned([first], more) &&
        earned([first], more) <= earned([first, second], more)
      );
    }),
  );
  t.pass('for any policies');
});

t.test('a single policy keeps to its bounds, wherever the attributed amount allows', async (t) => {
  fc.assert(
    fc.property(fc.tuple(cents, cents), cents, rate, ([a, b], part, rate) => {
      const [min, max] = a < b ? [a, b] : [b, a];
      const bounds = { minCommission: textOf(min, 2), maxCommission: textOf(max, 2) };
      const terms = credited(textOf(part, 2), textOf(part, 2), '1');
      const amount = unitsOf(amountOf(percent(textOf(rate, 6), bounds), terms), 2);
      return amount <= max && (amount >= min || amount === part);
    }),
  );
  t.pass('for any bounds');
});
