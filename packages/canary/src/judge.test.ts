import t from 'tap';

import type { Work } from './figures/work.ts';
import { EMPTY_WINDOW, judge, quantile, type Window, judgeWork } from './judge.ts';

/** So many requests, all within the bucket that ends at `seconds`. */
const windowOf = (requests: number, errors: number, seconds: number): Window => ({
  requests,
  errors,
  buckets: [0.01, 0.05, 0.1, 0.2, 0.5, Infinity].map(
    (bound) => [bound, bound >= seconds ? requests : 0] as const,
  ),
});

t.test('too few requests are judged by nothing, however bad they look', async (t) => {
  t.equal(judge(windowOf(499, 499, 0.5), windowOf(5_000, 0, 0.01), 500).kind, 'too_few');
  t.equal(judge(EMPTY_WINDOW, EMPTY_WINDOW, 1).kind, 'too_few');
});

t.test('more than 5 % of errors are bad, 5 % are not', async (t) => {
  const stable = windowOf(5_000, 0, 0.05);
  t.equal(judge(windowOf(1_000, 50, 0.05), stable, 500).kind, 'good');
  t.match(judge(windowOf(1_000, 51, 0.05), stable, 500), { kind: 'bad', says: /more than 5 % errors/ });
});

t.test('a p95 past twice the stable one is bad, unless that is less than 50 ms more', async (t) => {
  t.match(judge(windowOf(1_000, 0, 0.2), windowOf(5_000, 0, 0.05), 500), {
    kind: 'bad',
    says: /more than twice as slow/,
  });
  t.equal(judge(windowOf(1_000, 0, 0.05), windowOf(5_000, 0, 0.01), 500).kind, 'good', '40 ms more');
  t.equal(judge(windowOf(1_000, 0, 0.2), windowOf(5_000, 0, 0.2), 500).kind, 'good', 'as slow as ever');
});

t.test('without a stable release to compare with, errors alone decide', async (t) => {
  t.equal(judge(windowOf(1_000, 0, 0.5), windowOf(49, 0, 0.01), 500).kind, 'good');
  t.equal(judge(windowOf(1_000, 60, 0.5), EMPTY_WINDOW, 500).kind, 'bad');
});

t.test('a quantile is interpolated within its bucket', async (t) => {
  t.equal(
    quantile(0.5, {
      buckets: [
        [1, 50],
        [2, 100],
        [Infinity, 100],
      ],
    }),
    1,
  );
  t.equal(
    quantile(0.75, {
      buckets: [
        [1, 50],
        [2, 100],
        [Infinity, 100],
      ],
    }),
    1.5,
  );
  t.equal(
    quantile(0.95, {
      buckets: [
        [1, 50],
        [Infinity, 100],
      ],
    }),
    1,
    'past the last bound, that bound',
  );
  t.equal(
    quantile(0.95, {
      buckets: [
        [1, 0],
        [Infinity, 0],
      ],
    }),
    undefined,
  );
});

/** What a process says of its work once so much of it was done. */
const workOf = (done: number, failed: number, changes: Partial<Work> = {}): Work => ({
  release: 'v2',
  isRunning: true,
  startedAt: 1_000,
  done,
  failed,
  ...changes,
});

t.test(
  'consumers and jobs are bad once more than 5 % of what they did failed, and that was not one piece or two',
  async (t) => {
    const before = workOf(100, 10);
    const after = (done: number, failed: number) => judgeWork(before, workOf(100 + done, 10 + failed));
    t.match(after(0, 0), { kind: 'good', says: '0 events and jobs, 0 failed' });
    t.match(after(5, 2), { kind: 'good' }, 'too few to say');
    t.match(after(57, 3), { kind: 'good' }, '5 % is not more than 5 %');
    t.match(after(56, 3), { kind: 'bad', says: /59 events and jobs, 3 failed: more than 5 %/ });
  },
);

t.test('consumers and jobs that ended are bad, also where nothing failed since', async (t) => {
  const before = workOf(0, 0, { isRunning: false });
  t.match(judgeWork(before, workOf(0, 0)), { kind: 'good' });
  t.match(judgeWork(before, workOf(500, 0, { startedAt: 1_002 })), {
    kind: 'bad',
    says: 'the candidate was restarted while its workers ran',
  });
  t.match(judgeWork(before, workOf(500, 0, { isRunning: false })), { kind: 'bad', says: /ended/ });
});
