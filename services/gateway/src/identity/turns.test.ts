import { DatabaseUnavailableError } from '@tributary/schema';
import t from 'tap';
import { createTurns } from './turns.ts';

t.test('as many as are let in at once, then one for each that ends, in the order they came', async (t) => {
  const turns = createTurns(2, 10_000);
  const admitted: number[] = [];
  const all = [0, 1, 2, 3].map((n) => turns.take().then(() => admitted.push(n)));
  await Promise.all(all.slice(0, 2));
  t.same(admitted, [0, 1]);
  turns.end();
  await all[2];
  t.same(admitted, [0, 1, 2]);
  for (let ended = 0; ended < 3; ended += 1) turns.end();
  await Promise.all([...all, turns.take(), turns.take()]);
});

t.test('who waits too long is told so, and takes no turn of another', async (t) => {
  const turns = createTurns(1, 20);
  await turns.take();
  await t.rejects(turns.take(), DatabaseUnavailableError);
  turns.end();
  await turns.take();
});
