import * as fc from 'fast-check';
import t from 'tap';
import { allotUnits, textOf, unitsOf } from '../../test/bigint-reference.ts';
import { allot } from './index.ts';

const weight = fc.bigInt({ min: 0n, max: 1_000_000n });
const weights = fc
  .array(weight, { minLength: 1, maxLength: 20 })
  .filter((list) => list.some((units) => units > 0n));
const total = fc.bigInt({ min: 0n, max: 99_999_999_999_999n });

/** Six-decimal weights, as `attribution_weight` has them. */
const asText = (list: readonly bigint[]): string[] => list.map((units) => textOf(units, 6));

t.test('what cannot be halved goes to the larger remainder, then to the earlier', async (t) => {
  t.same(allot('100.00', ['1', '1', '1'], 2), ['33.34', '33.33', '33.33']);
  t.same(allot('0.05', ['1', '1'], 2), ['0.03', '0.02']);
  t.same(allot('100', ['0.166667', '0.333333', '0.5'], 0), ['17', '33', '50']);
  t.same(allot('1', ['1', '1', '1', '1', '1', '1'], 6).slice(0, 5), [
    '0.166667',
    '0.166667',
    '0.166667',
    '0.166667',
    '0.166666',
  ]);
  t.same(allot('10.00', ['0', '1'], 2), ['0.00', '10.00']);
  t.same(allot('0.00', ['1', '2'], 2), ['0.00', '0.00']);
});

t.test('shares are those of an integer reference, and add up to the total', async (t) => {
  fc.assert(
    fc.property(total, weights, fc.constantFrom(0, 2, 6), (units, list, decimals) => {
      const shares = allot(textOf(units, decimals), asText(list), decimals);
      const expected = allotUnits(units, list).map((share) => textOf(share, decimals));
      const sum = shares.reduce((left, share) => left + unitsOf(share, decimals), 0n);
      return sum === units && shares.join() === expected.join();
    }),
  );
  t.pass('for any total and weights');
});

t.test('a heavier weight never gets the smaller share, and none is a unit away from exact', async (t) => {
  fc.assert(
    fc.property(total, weights, (units, list) => {
      const shares = allot(textOf(units, 2), asText(list), 2).map((share) => unitsOf(share, 2));
      const whole = list.reduce((sum, part) => sum + part, 0n);
      return list.every((part, index) => {
        const share = shares[index] ?? -1n;
        const gap = share * whole - units * part;
        const ordered = list.every((other, at) => other >= part || (shares[at] ?? 0n) <= share);
        return ordered && gap < whole && gap > -whole;
      });
    }),
  );
  t.pass('for any weights');
});

t.test('a negative total, as of a claw-back, is allotted as its mirror image', async (t) => {
  t.same(allot('-100.00', ['1', '1', '1'], 2), ['-33.34', '-33.33', '-33.33']);
  t.same(allot('-0.01', ['1', '1'], 2), ['-0.01', '0.00']);
});

t.test('weights that add up to nothing, negative ones and totals too fine are refused', async (t) => {
  t.throws(() => allot('1.00', [], 2), /Weights must be positive/);
  t.throws(() => allot('1.00', ['0', '0'], 2), /Weights must be positive/);
  t.throws(() => allot('1.00', ['2', '-1'], 2), /Weights must be positive/);
  t.throws(() => allot('1.005', ['1'], 2), /1\.005 is finer than 2 decimals/);
});
