import { writeFileSync } from 'node:fs';

import { createTestDatabase } from '@tributary/testkit';
import * as fc from 'fast-check';
import t from 'tap';

import { brokenLaws, expectedBooks, readBooks } from './model/compare.ts';
import { operations } from './model/operations.ts';
import { carryOut, openProgramme } from './model/programme.ts';

/** `npm run drill -- commissions-model` sets these: how many sequences, for how long, and where to say what was done. */
const { MODEL_RUNS = '40', MODEL_SECONDS, MODEL_REPORT, MODEL_SEED: seed } = process.env;
const numRuns = Number(MODEL_RUNS);
const limited =
  MODEL_SECONDS === undefined
    ? {}
    : { interruptAfterTimeLimit: Number(MODEL_SECONDS) * 1_000, markInterruptAsFailure: false };

t.test('whatever happens in a programme, its tables say what the model says', async (t) => {
  const { db } = await createTestDatabase(t);
  let done = 0;
  let programmes = 0;
  const property = fc.asyncProperty(operations, async (sequence) => {
    const since = new Date(Date.now() - 60_000);
    const programme = await openProgramme(db);
    for (const operation of sequence) {
      const { expected, actual } = await carryOut(programme, operation);
      assertSame(actual, expected, operation.do);
      done += 1;
    }
    assertSame(await readBooks(programme, since), expectedBooks(programme), 'the books');
    assertSame(brokenLaws(programme.state), [], 'the laws');
    programmes += 1;
  });
  await fc.assert(property, { numRuns, ...limited, ...(seed === undefined ? {} : { seed: Number(seed) }) });
  const figures = { operations: done, sequences: programmes };
  if (MODEL_REPORT !== undefined) writeFileSync(MODEL_REPORT, JSON.stringify(figures));
  t.ok(done > programmes && programmes > 0, JSON.stringify(figures));
});

function assertSame(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(sorted(actual)), JSON.stringify(sorted(expected))];
  if (found !== wanted) throw new Error(`${what}: the tables say\n${found}\nthe model\n${wanted}`);
}

/** Keys in order, so that equal things have equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
