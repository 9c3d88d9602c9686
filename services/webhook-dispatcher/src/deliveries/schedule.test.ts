import t from 'tap';
import {
  DEFAULT_RETRY_DELAYS_SECONDS,
  LONGEST_RETRY_DELAYS_SECONDS,
  nextAttemptAt,
  parseRetryAfter,
} from './schedule.ts';

const at = new Date('2026-03-02T10:00:00.000Z');
const secondsLater = (next: Date | undefined): number | undefined =>
  next === undefined ? undefined : (next.getTime() - at.getTime()) / 1000;

t.test('by default there are three attempts, about 5 s and 30 s apart', async (t) => {
  const after = (attemptsInRound: number, random: number) =>
    secondsLater(nextAttemptAt({ attemptsInRound, delaysSeconds: DEFAULT_RETRY_DELAYS_SECONDS, at, random }));
  t.strictSame([after(1, 0.5), after(2, 0.5), after(3, 0.5)], [5, 30, undefined]);
  t.strictSame([after(1, 0), after(2, 0)], [4, 24], 'a fifth earlier at most');
  t.ok((after(2, 0.999_999) ?? 0) < 36.000_1, 'a fifth later at most');
});

t.test('a receiver may ask for more time, not for less', async (t) => {
  const after = (retryAfterSeconds: number) =>
    secondsLater(
      nextAttemptAt({ attemptsInRound: 1, delaysSeconds: [5], retryAfterSeconds, at, random: 0.5 }),
    );
  t.equal(after(120), 120);
  t.equal(after(1), 5);
  t.equal(after(1e9), 86_400, 'nor for ever');
});

t.test('the longest schedule is that of the specification, 75 hours', async (t) => {
  const total = LONGEST_RETRY_DELAYS_SECONDS.reduce((sum, delay) => sum + delay, 0);
  t.equal(Math.floor(total / 3600), 75);
});

t.test('retry-after is seconds or an HTTP date', async (t) => {
  t.equal(parseRetryAfter('30', at), 30);
  t.equal(parseRetryAfter('Mon, 02 Mar 2026 10:01:30 GMT', at), 90);
  t.equal(parseRetryAfter('Mon, 02 Mar 2026 09:00:00 GMT', at), 0, 'the past is now');
  for (const nonsense of [undefined, '', '-5', '1.5', 'soon', '12345678901']) {
    t.equal(parseRetryAfter(nonsense, at), undefined, String(nonsense));
  }
});
