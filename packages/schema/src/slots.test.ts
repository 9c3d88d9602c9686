import t from 'tap';
import { DatabaseUnavailableError } from './errors.ts';
import { createSlots } from './slots.ts';

t.test('places are given out first come, first served, and never more than there are', async (t) => {
  const slots = createSlots(2, 10_000);
  const order: number[] = [];
  const comers = [0, 1, 2, 3, 4].map(async (n) => {
    await slots.acquire();
    order.push(n);
  });
  await Promise.all(comers.slice(0, 2));
  t.match({ held: slots.held, waiting: slots.waiting }, { held: 2, waiting: 3 });
  for (const comer of comers.slice(2)) {
    slots.release();
    await comer;
    t.equal(slots.held, 2);
  }
  t.same(order, [0, 1, 2, 3, 4]);
  slots.release();
  slots.release();
  t.match({ held: slots.held, waiting: slots.waiting }, { held: 0, waiting: 0 });
});

t.test('who waits too long is told so, and its place in the queue is gone', async (t) => {
  const slots = createSlots(1, 20);
  await slots.acquire();
  await t.rejects(slots.acquire(), DatabaseUnavailableError);
  t.equal(slots.waiting, 0);
  slots.release();
  await slots.acquire();
  t.equal(slots.held, 1);
});

t.test('whenFree resolves with the last release, or when its time is over', async (t) => {
  const slots = createSlots(1, 10_000);
  await slots.whenFree(10_000);
  await slots.acquire();
  await slots.whenFree(10);
  t.equal(slots.held, 1);
  const free = slots.whenFree(60_000);
  slots.release();
  await free;
  t.equal(slots.held, 0);
});
