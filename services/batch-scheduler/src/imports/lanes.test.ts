import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import t from 'tap';
import { inLanes } from './lanes.ts';

t.test(
  'every item is done once, answered in its place, and no more at a time than there are lanes',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 })),
        fc.integer({ min: 1, max: 5 }),
        async (items, width) => {
          let busy = 0;
          let most = 0;
          const results = await inLanes(items, width, async (turns) => {
            busy += 1;
            most = Math.max(most, busy);
            for (let left = turns; left > 0; left -= 1) await turn();
            busy -= 1;
            return turns * 10;
          });
          const inPlace = results.every((result, at) => result === (items[at] ?? -1) * 10);
          return inPlace && results.length === items.length && most <= width;
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
  await t.rejects(inLanes([1, 2, 3, 4, 5, 6], 2, work), { message: 'away' });
  t.ok(begun < 6);
});
