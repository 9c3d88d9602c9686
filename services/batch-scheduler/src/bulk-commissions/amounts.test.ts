import { array, assert, integer, property } from 'fast-check';
import t from 'tap';
import { addAmount, differenceOf, type Amounts } from './amounts.ts';

const hundredths = integer({ min: -99_999_999, max: 99_999_999 });
const text = (value: number): string => (value / 100).toFixed(2);

t.test('sums are exact to the hundredth, by currency', async (t) => {
  assert(
    property(array(hundredths, { maxLength: 200 }), (values) => {
      const sum = values.reduce<Amounts>((amounts, value) => addAmount(amounts, 'USD', text(value)), {
        EUR: '1.00',
      });
      const expected = values.reduce((total, value) => total + value, 0);
      const { USD: found = '0.00' } = sum;
      return Number(found.replace('.', '')) === expected && sum['EUR'] === '1.00';
    }),
  );
  t.pass();
});

t.test('differences keep their sign, also below one', async (t) => {
  t.equal(differenceOf('10.00', '10.05'), '-0.05');
  t.equal(differenceOf('99999999999.99', '0.01'), '99999999999.98');
  t.throws(() => differenceOf('1', '1.00'));
});
