import t from 'tap';

import { createGroups } from './groups.ts';

t.test('what comes while a group is under way goes together, one of a key in each group', async (t) => {
  const groups: string[][] = [];
  const gates: (() => void)[] = [];
  const run = createGroups<string, string>({
    groups: 1,
    size: 3,
    worthwhile: 1,
    keyOf: (item) => item.slice(0, 1),
    run: async (items) => {
      groups.push([...items]);
      await new Promise<void>((open) => gates.push(open));
      return items.map((item) =>
        item.endsWith('!')
          ? { status: 'rejected', reason: new Error(item) }
          : { status: 'fulfilled', value: item.toUpperCase() },
      );
    },
  });
  const answers = Promise.allSettled(['a1', 'a2', 'a3', 'b!', 'c1', 'd1'].map(run));
  for (let open = gates.shift(); open !== undefined; open = gates.shift()) {
    open();
    await new Promise(setImmediate);
  }
  const settled = await answers;
  t.same(groups, [['a1'], ['a2', 'b!', 'c1'], ['a3', 'd1']]);
  t.same(
    settled.map((one) => (one.status === 'fulfilled' ? one.value : 'failed')),
    ['A1', 'A2', 'A3', 'failed', 'C1', 'D1'],
  );
});

t.test('another group starts beside one under way when enough wait, without its keys', async (t) => {
  const groups: string[][] = [];
  const gates: (() => void)[] = [];
  const run = createGroups<string, string>({
    groups: 2,
    size: 3,
    worthwhile: 2,
    keyOf: (item) => item.slice(0, 1),
    run: async (items) => {
      groups.push([...items]);
      await new Promise<void>((open) => gates.push(open));
      return items.map((value) => ({ status: 'fulfilled', value }));
    },
  });
  const answers = Promise.all(['a1', 'b1', 'a2'].map(run));
  t.same(groups, [['a1']], 'b1 alone is not worth a group, and a2 has to wait for a1');
  const more = Promise.all(['b2', 'c1', 'd1', 'e1'].map(run));
  t.same(groups, [['a1'], ['b1', 'c1']], 'the second has begun');
  for (let open = gates.shift(); open !== undefined; open = gates.shift()) {
    open();
    await new Promise(setImmediate);
  }
  t.same(await answers, ['a1', 'b1', 'a2']);
  t.same(await more, ['b2', 'c1', 'd1', 'e1']);
  t.same(groups.slice(2), [['a2', 'd1', 'e1'], ['b2']]);
});
