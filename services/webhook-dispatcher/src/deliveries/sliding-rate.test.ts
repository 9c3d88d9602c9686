import * as fc from 'fast-check';
import t from 'tap';
import { SlidingRate } from './sliding-rate.ts';

t.test('no second holds more starts than the rate, however they are asked for', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 200 }),
        (perSecond, gaps) => {
          const rate = new SlidingRate(perSecond);
          const starts: number[] = [];
          let now = 0;
          for (const gap of gaps) {
            now += gap;
            if (rate.waitMs(now) > 0) continue;
            rate.take(now);
            starts.push(now);
          }
          return starts.every(
            (start) => starts.filter((other) => other >= start && other < start + 1000).length <= perSecond,
          );
        },
      ),
    ),
  );
});

t.test('it says exactly how long to wait', async (t) => {
  const rate = new SlidingRate(2);
  rate.take(0);
  rate.take(300);
  t.equal(rate.waitMs(400), 600);
  t.equal(rate.waitMs(1000), 0);
});

t.test('a share below one per second is one start per longer window', async (t) => {
  const rate = new SlidingRate(0.5);
  t.equal(rate.waitMs(0), 0);
  rate.take(0);
  t.equal(rate.waitMs(500), 1500);
});

t.test('a changed share remembers what was sent just now', async (t) => {
  const before = new SlidingRate(4);
  for (const start of [0, 1, 2, 3]) before.take(start);
  const after = new SlidingRate(2, before);
  t.equal(after.waitMs(4), 998);
});

t.test('it is quiet once nothing it remembers restrains anybody', async (t) => {
  const rate = new SlidingRate(2);
  t.ok(rate.isQuiet(0));
  rate.take(0);
  t.notOk(rate.isQuiet(999));
  t.ok(rate.isQuiet(1000));
});
