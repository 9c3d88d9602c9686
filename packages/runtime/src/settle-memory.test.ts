import { setTimeout as pause } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';

import t from 'tap';

import { settleMemorySoon } from './settle-memory.ts';

const youngMb = (): number =>
  (getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0) / 2 ** 20;

t.test('the young generation that a start blew up is given back', async (t) => {
  const kept: unknown[] = [];
  while (youngMb() < 8) for (let n = 0; n < 50_000; n += 1) kept.push({ n });
  kept.length = 0;
  settleMemorySoon(0);
  await pause(10);
  t.ok(youngMb() < 4, `${youngMb()} MB`);
});
