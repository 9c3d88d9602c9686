import * as fc from 'fast-check';
import t from 'tap';
import { inChains, inRounds, inSets } from './rounds.ts';

const items = fc
  .array(fc.array(fc.integer({ min: 0, max: 5 }).map(String), { maxLength: 3 }))
  .map((all) => all.map((keys, index) => ({ keys, index })));

t.test('every item is in one round, none shares a key within it, and of a key the order stays', async (t) => {
  fc.assert(
    fc.property(items, (all) => {
      const rounds = inRounds(all, ({ keys }) => keys);
      const inOrder = rounds.flat();
      const apart = rounds.every((round) => {
        const keys = round.flatMap((item) => [...new Set(item.keys)]);
        return round.length > 0 && new Set(keys).size === keys.length;
      });
      const kept = ['0', '1', '2', '3', '4', '5'].every((key) => {
        const order = inOrder.filter(({ keys }) => keys.includes(key)).map(({ index }) => index);
        return order.every((index, place) => place === 0 || index > (order[place - 1] ?? 0));
      });
      return apart && kept && inOrder.length === all.length;
    }),
  );
  t.equal(
    inRounds([1, 2, 3], (item) => [String(item)]).length,
    1,
    'what has nothing in common goes together',
  );
});

t.test(
  'what may go together is in one set or in a chain of them, and never before what it follows',
  async (t) => {
    fc.assert(
      fc.property(items, (all) => {
        const togetherBy = ({ keys }: { keys: readonly string[] }): string | undefined => keys[0];
        const rounds = inRounds(all, ({ keys }) => keys.slice(1, 2), togetherBy);
        const chains = rounds.flatMap((round) =>
          inChains(round, { limit: 4, weightOf: () => 1, keyOf: togetherBy }),
        );
        const sets = chains.flat();
        const kept = ['0', '1', '2', '3', '4', '5'].every((key) => {
          const order = sets.flat().filter(({ keys }) => keys[0] === key || keys[1] === key);
          return order.every(({ index }, place) => {
            const before = order[place - 1];
            const related =
              before !== undefined &&
              (before.keys[0] === order[place]?.keys[0] || before.keys[1] === order[place]?.keys[1]);
            return !related || before.index < index;
          });
        });
        const whole = rounds.every((round) => {
          const own = inChains(round, { limit: 4, weightOf: () => 1, keyOf: togetherBy });
          const homes = own.map((chain) => new Set(chain.flat().flatMap(({ keys }) => keys.slice(0, 1))));
          return (
            new Set(homes.flatMap((home) => [...home])).size ===
            homes.reduce((sum, home) => sum + home.size, 0)
          );
        });
        return kept && whole && sets.every((set) => set.length <= 4) && sets.flat().length === all.length;
      }),
    );
    const ofOne = inChains([1, 2, 3, 4, 5], { limit: 2, weightOf: () => 1, keyOf: () => 'one' });
    t.same(ofOne, [[[1, 2], [3, 4], [5]]]);
  },
);

t.test('sets keep the order and their weight, save for an item that is too heavy by itself', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 })), (weights) => {
      const sets = inSets(weights, { limit: 6, weightOf: (weight) => weight });
      const light = sets.every((set) => set.length === 1 || set.reduce((sum, one) => sum + one, 0) <= 6);
      const full = sets.every((set, place) => {
        const next = sets[place + 1]?.[0] ?? 9;
        return set.reduce((sum, one) => sum + one, 0) + next > 6;
      });
      return light && full && JSON.stringify(sets.flat()) === JSON.stringify(weights);
    }),
  );
  t.pass('holds');
});
