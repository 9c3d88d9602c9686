import t from 'tap';
import { createChunkSize } from './chunk-size.ts';

const SLOW_MS = 1_000;
const FAST_MS = 10;

t.test(
  'chunks grow while they are fast, up to a bound, and are halved when they near the limit',
  async (t) => {
    const size = createChunkSize();
    const first = size.rows;
    size.took(FAST_MS);
    t.ok(size.rows > first);
    for (let n = 0; n < 20; n += 1) size.took(FAST_MS);
    t.equal(size.rows, 5_000);
    size.took(SLOW_MS);
    t.equal(size.rows, 2_500);
    t.equal(size.slowestMs, SLOW_MS);
  },
);

t.test(
  'however slow they are, chunks keep some rows, and then say that they cannot be smaller',
  async (t) => {
    const size = createChunkSize();
    t.notOk(size.isSmallest);
    for (let n = 0; n < 20; n += 1) size.shrink();
    t.ok(size.isSmallest);
    t.ok(size.rows > 0);
  },
);
