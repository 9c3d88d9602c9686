import { DatabaseUnavailableError } from '@tributary/schema';
import t from 'tap';

import { judgeFailure, UnprocessableEventError } from './verdict.ts';

const rules = { maxDeliver: 3, backoffMs: [10, 20] };

t.test('the delay follows the number of deliveries, and the last one repeats', async (t) => {
  const delays = [1, 2, 3, 9].map((deliveries) =>
    judgeFailure(new Error('x'), deliveries, { ...rules, maxDeliver: 99 }),
  );
  t.strictSame(
    delays,
    [10, 20, 20, 20].map((delayMs) => ({ outcome: 'retry', delayMs })),
  );
  t.strictSame(judgeFailure('x', 1, { maxDeliver: 2, backoffMs: [] }), { outcome: 'retry', delayMs: 0 });
});

t.test('the last delivery allowed that fails ends in a dead letter with the reason', async (t) => {
  t.equal(judgeFailure(new Error('x'), 2, rules).outcome, 'retry');
  t.strictSame(judgeFailure(new RangeError('too far'), 3, rules), {
    outcome: 'dead_letter',
    reason: 'failed 3 times: RangeError: too far',
  });
});

t.test('an error that says so ends at once', async (t) => {
  t.equal(judgeFailure(new UnprocessableEventError('never'), 1, rules).outcome, 'dead_letter');
});

t.test('trouble with Postgres is waited out, however long', async (t) => {
  const deadlock = Object.assign(new Error('deadlock detected'), { name: 'PostgresError', code: '40P01' });
  for (const error of [new DatabaseUnavailableError('gone'), deadlock]) {
    t.strictSame(judgeFailure(error, 1_000, rules), { outcome: 'retry', delayMs: 20 });
  }
  const violation = Object.assign(new Error('check'), { name: 'PostgresError', code: '23514' });
  t.equal(judgeFailure(violation, 3, rules).outcome, 'dead_letter');
});
