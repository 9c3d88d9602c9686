import t from 'tap';
import { average, percentage, reaches, share, total } from './arithmetic.ts';

t.test('quotients are rounded once, half away from zero, to two decimals', async (t) => {
  t.equal(percentage('1', '3'), 33.33);
  t.equal(percentage('2', '3'), 66.67);
  t.equal(average('0.01', '2'), 0.01, '0.005');
  t.equal(average('-0.01', '2'), -0.01, 'a tie below zero');
  t.equal(average('2.01', '2'), 1.01, '1.005, which binary floats round to 1.00');
  t.equal(percentage('1', '80000'), 0, '0.00125');
  t.equal(average('999999999999.99', '1'), 999_999_999_999.99);
});

t.test('a zero denominator gives 0', async (t) => {
  t.equal(percentage('5', '0'), 0);
  t.equal(average('5.00', 0), 0);
  t.ok(share('0', '0').isZero());
});

t.test('marks compare unrounded ratios', async (t) => {
  t.notOk(share('2999', '100000').gte(3), '2.999 %');
  t.ok(share('3', '100').gte(3));
  t.ok(reaches('5000.00', 5_000));
  t.notOk(reaches('4999.99', 5_000));
  t.equal(total('1', 2, '3'), '6');
});
