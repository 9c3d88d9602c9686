import { CURRENCIES, CurrencyError, currencyDecimals, isCurrency } from '@tributary/schema';
import * as fc from 'fast-check';
import t from 'tap';
import { divideRounded, textOf, unitsOf } from '../../test/bigint-reference.ts';
import {
  addMoney,
  compareMoney,
  MAX_MONEY,
  money,
  MoneyError,
  negateMoney,
  parseMoney,
  proportion,
  roundMoney,
  subtractMoney,
  toWire,
} from './index.ts';

const maxCents = unitsOf(MAX_MONEY, 2);
const cents = fc.bigInt({ min: -maxCents, max: maxCents });
const positiveCents = fc.bigInt({ min: 1n, max: maxCents });

t.test('a currency has the decimals of ISO 4217', async (t) => {
  const expected = { USD: 2, EUR: 2, GBP: 2, JPY: 0, KRW: 0, VND: 0, CLP: 0, ISK: 0, HUF: 2, XOF: 0 };
  for (const [currency, decimals] of Object.entries(expected)) t.equal(currencyDecimals(currency), decimals);
  t.ok(CURRENCIES.every((code) => /^[A-Z]{3}$/.test(code) && isCurrency(code)));
  t.equal(new Set(CURRENCIES).size, CURRENCIES.length);
});

t.test('every accepted currency is one that Intl knows', async (t) => {
  const known = new Set(Intl.supportedValuesOf('currency'));
  // Newer than some ICU versions.
  for (const code of ['SLE', 'VED', 'XCG', 'ZWG']) known.add(code);
  t.same(
    CURRENCIES.filter((code) => !known.has(code)),
    [],
  );
});

t.test('three-decimal and unknown currencies are refused in words', async (t) => {
  for (const currency of ['KWD', 'BHD', 'JOD', 'OMR', 'TND', 'IQD', 'LYD']) {
    t.throws(() => currencyDecimals(currency), new CurrencyError(currency));
    t.match(new CurrencyError(currency).message, `${currency} has three decimals`);
    t.notOk(isCurrency(currency));
  }
  for (const currency of ['usd', 'XXX', 'DEM', 'HRK', '', 'XAU', 'constructor']) {
    t.throws(() => currencyDecimals(currency), /is not an active ISO 4217 currency code/);
  }
});

t.test('an amount is rounded half away from zero to the decimals of its currency', async (t) => {
  const cases: [value: string, currency: string, rounded: string][] = [
    ['1.005', 'USD', '1.01'],
    ['1.004999999999999999999', 'USD', '1.00'],
    ['-1.005', 'USD', '-1.01'],
    ['2.675', 'USD', '2.68'],
    ['0.005', 'USD', '0.01'],
    ['-0.004', 'USD', '0.00'],
    ['1234.5', 'KRW', '1235.00'],
    ['-1234.5', 'KRW', '-1235.00'],
    ['1234.49', 'JPY', '1234.00'],
    ['999999999999.99', 'USD', '999999999999.99'],
  ];
  for (const [value, currency, rounded] of cases) t.equal(roundMoney(value, currency), rounded);
});

t.test('an amount beyond numeric(14,2) is refused, not stored wrong', async (t) => {
  t.throws(() => roundMoney('999999999999.995', 'USD'), MoneyError);
  t.throws(() => addMoney(MAX_MONEY, '0.01'), MoneyError);
  t.throws(() => subtractMoney('-999999999999.99', '0.01'), MoneyError);
  t.throws(() => money('1000000000000', 'USD'), MoneyError);
});

t.test('an amount from outside is taken exactly or refused with the reason', async (t) => {
  t.same(parseMoney(12.3, 'USD'), { ok: true, money: '12.30' });
  t.same(parseMoney(0.1 + 0.7, 'USD'), { ok: false, message: 'must have at most 2 decimals in USD' });
  t.same(parseMoney(1200, 'KRW'), { ok: true, money: '1200.00' });
  t.same(parseMoney('1200.00', 'KRW'), { ok: true, money: '1200.00' });
  t.same(parseMoney(12.5, 'KRW'), { ok: false, message: 'must have no decimals in KRW' });
  t.same(parseMoney(12.345, 'USD'), { ok: false, message: 'must have at most 2 decimals in USD' });
  t.same(parseMoney(1e21, 'USD'), { ok: false, message: 'must not be beyond 999999999999.99' });
  t.same(parseMoney(1e-7, 'USD'), { ok: false, message: 'must have at most 2 decimals in USD' });
  t.same(parseMoney(-0, 'USD'), { ok: true, money: '0.00' });
  const nonsense = [Number.NaN, Number.POSITIVE_INFINITY, '', '0x10', '1e1000000', 'ten', ' 1', '1,5', '--1'];
  for (const value of nonsense) {
    t.same(parseMoney(value, 'USD'), { ok: false, message: 'must be a number' });
    t.throws(() => money(value, 'USD'), MoneyError);
  }
});

t.test('whatever is stored survives the way over the wire and back', async (t) => {
  fc.assert(
    fc.property(cents, (units) => {
      const amount = textOf(units, 2);
      return money(JSON.parse(JSON.stringify(toWire(amount))) as number, 'USD') === amount;
    }),
  );
  t.pass('for any amount');
});

t.test('adding, subtracting, negating and comparing agree with integers', async (t) => {
  const half = fc.bigInt({ min: -maxCents / 2n, max: maxCents / 2n });
  fc.assert(
    fc.property(half, half, (a, b) => {
      const [left, right] = [textOf(a, 2), textOf(b, 2)];
      const added = addMoney(left, right) === textOf(a + b, 2);
      const subtracted = subtractMoney(left, right) === textOf(a - b, 2);
      const compared = Math.sign(Number(a - b)) === compareMoney(left, right);
      return added && subtracted && compared && negateMoney(left) === textOf(-a, 2);
    }),
  );
  t.equal(addMoney('0.10', '0.20'), '0.30');
  t.equal(addMoney(), '0.00');
});

t.test('a partial refund leaves amount x left / left at that amount, as integers compute it', async (t) => {
  t.equal(proportion('10.00', '60.00', '90.00', 'USD'), '6.67');
  t.equal(proportion('1000.00', '1.00', '3.00', 'KRW'), '333.00');
  t.equal(proportion('10.00', '0.00', '90.00', 'USD'), '0.00');
  t.equal(proportion('-10.01', '45.00', '90.00', 'USD'), '-5.01');
  const proportions = fc.tuple(cents, positiveCents, fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(proportions, fc.constantFrom('USD', 'KRW'), ([amount, whole, part], currency) => {
      const left = (whole * BigInt(Math.round(part * 1e6))) / 1_000_000n;
      const coarse = currency === 'KRW' ? 100n : 1n;
      const base = (amount / coarse) * coarse;
      const expected = divideRounded(base * left, whole * coarse) * coarse;
      return proportion(textOf(base, 2), textOf(left, 2), textOf(whole, 2), currency) === textOf(expected, 2);
    }),
  );
});

t.test('less left never makes the commission larger, and all left leaves it whole', async (t) => {
  fc.assert(
    fc.property(positiveCents, positiveCents, positiveCents, (amount, a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      const whole = textOf(more, 2);
      const reduced = proportion(textOf(amount, 2), textOf(less, 2), whole, 'USD');
      const kept = proportion(textOf(amount, 2), whole, whole, 'USD');
      return compareMoney(reduced, kept) <= 0 && kept === textOf(amount, 2);
    }),
  );
  t.pass('for any amounts');
});

t.test('a proportion of nothing, or of more than there was, is refused', async (t) => {
  t.throws(() => proportion('10.00', '0.00', '0.00', 'USD'), RangeError);
  t.throws(() => proportion('10.00', '91.00', '90.00', 'USD'), RangeError);
  t.throws(() => proportion('10.00', '-1.00', '90.00', 'USD'), RangeError);
  t.throws(() => proportion('ten', '1.00', '90.00', 'USD'), MoneyError);
});
