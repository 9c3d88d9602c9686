import t from 'tap';

import { defineConsumer } from './definition.ts';

const handler = async (): Promise<void> => undefined;

t.test('the stream follows from the types, and the filter is their family or none', async (t) => {
  const one = defineConsumer({ name: 'one', types: ['job.queued'], handler });
  t.match(one, { stream: 'CATALOG', family: 'job' });
  const two = defineConsumer({ name: 'two', types: ['job.queued', 'job.finished'], handler });
  t.equal(two.family, 'job', 'so that a release that adds a type does not change the filter');
  t.equal(
    defineConsumer({ name: 'three', types: ['job.queued', 'policy.updated'], handler }).family,
    undefined,
  );
});

t.test('a consumer that could never work is refused when it is declared', async (t) => {
  t.throws(() => defineConsumer({ name: 'with.dot', types: ['job.queued'], handler }), RangeError);
  t.throws(() => defineConsumer({ name: 'empty', types: [], handler }), RangeError);
  t.throws(
    () => defineConsumer({ name: 'torn', types: ['job.queued', 'commission.paid'], handler }),
    RangeError,
  );
});

t.test('a poison message is through with its retries within a minute', async (t) => {
  const { backoffMs, maxDeliver } = defineConsumer({ name: 'default', types: ['job.queued'], handler });
  let total = 0;
  for (let delivery = 1; delivery < maxDeliver; delivery += 1)
    total += backoffMs[delivery - 1] ?? backoffMs.at(-1) ?? 0;
  t.ok(total < 60_000);
});
