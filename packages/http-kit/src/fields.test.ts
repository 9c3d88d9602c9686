import t from 'tap';
import { currencyCode, money, moneyFaults, positiveMoney, reason } from './fields.ts';

await t.test('money has at most two decimals and fits numeric(14,2)', async (t) => {
  for (const amount of [0, 0.01, 0.1, 1.1, 1.15, 19.99, 999_999_999_999.99, 123_456_789_012.34]) {
    t.ok(money.safeParse(amount).success, String(amount));
  }
  for (const amount of [-0.01, 0.001, 1.005, 0.1 + 0.2, 1e12, Infinity, NaN, '5', null]) {
    t.notOk(money.safeParse(amount).success, String(amount));
  }
  t.notOk(positiveMoney.safeParse(0).success);
});

await t.test('amounts in a currency without decimals are whole', async (t) => {
  t.same(
    moneyFaults('JPY', { price: 1.5, amount: 2, minimum: null }).map(({ path }) => path),
    ['price'],
  );
  t.same(moneyFaults('USD', { price: 1.55 }), []);
});

await t.test('a currency is an upper-case ISO 4217 code with at most two decimals', async (t) => {
  for (const code of ['USD', 'EUR', 'JPY', 'KRW']) t.ok(currencyCode.safeParse(code).success, code);
  for (const code of ['usd', 'XYZ', 'KWD', 'BHD', '', 'US'])
    t.notOk(currencyCode.safeParse(code).success, code);
});

await t.test('a reason counts after trimming', async (t) => {
  t.equal(reason.parse('  late return '), 'late return');
  t.notOk(reason.safeParse(' \n').success);
  t.ok(reason.safeParse(` ${'x'.repeat(1_000)} `).success);
  t.notOk(reason.safeParse('x'.repeat(1_001)).success);
});
