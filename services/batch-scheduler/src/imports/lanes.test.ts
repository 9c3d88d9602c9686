import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import t from 'tap';
import { inLanes } from './lanes.ts';

t.test(
  'every item is done once, those of one key in order, and no more at a time than there are lanes',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 })),
        fc.integer({ min: 1, max: 5 }),
        async (keys, width) => {
          const items = keys.map((key, index) => ({ key, index }));
          const done: typeof items = [];
          const busy = new Set<number>();
          let most = 0;
          const results = await inLanes(items, { width, keyOf: ({ key }) => String(key) }, async (item) => {
            if (busy.has(item.key)) throw new Error('two of one key at once');
            busy.add(item.key);
            most = Math.max(most, busy.size);
            for (let turns = item.index % 3; turns > 0; turns -= 1) await turn();
            busy.delete(item.key);
            done.push(item);
            return item.index;
          });
          const inOrder = items.every(({ key }) => {
            const order = done.filter((item) => item.key === key).map(({ index }) => index);
            return order.every((index, at) => at === 0 || index > (order[at - 1] ?? 0));
          });
          return (
            results.every((result, at) => result === at) &&
            results.length === items.length &&
            inOrder &&
            most <= width
          );
        },
      ),
    );
    t.pass('holds');
  },
);

t.test('a failure is thrown once what was under way has ended', async (t) => {
  let begun = 0;
  const work = async (item: number): Promise<void> => {
    begun += 1;
    await turn();
    if (item === 1) throw new Error('away');
  };
  await t.rejects(inLanes([1, 2, 3, 4, 5, 6], { width: 2, keyOf: String }, work), { message: 'away' });
  t.ok(begun < 6);
});
