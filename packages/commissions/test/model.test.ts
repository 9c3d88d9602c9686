import { writeFileSync } from 'node:fs';

import { createTestDatabase } from '@tributary/testkit';
import type { Database } from '@tributary/schema';
import * as fc from 'fast-check';
import t from 'tap';

import { balancesOf, readBalances } from './model/balances.ts';
import { carryOut } from './model/carry-out.ts';
import { assertSame, brokenLaws, expectedBooks, readBooks } from './model/compare.ts';
import { operations, type Operation } from './model/operations.ts';
import { openProgramme, type Programme } from './model/programme.ts';
import { expectedRollups, followEvents, readRollups } from './model/rollups.ts';

/** `npm run drill -- commissions-model` sets these: how many sequences, for how long, and where to say what was done. */
const { MODEL_RUNS, MODEL_SECONDS, MODEL_REPORT, MODEL_SEED: seed } = process.env;
/** Some 21 operations a sequence, more or less. */
const numRuns = Number(MODEL_RUNS ?? 560);
const AT_LEAST = 10_000;
/** On a machine that is busy with other things fewer must do: a file that is still running is ended after four minutes. */
const limitMs = Number(MODEL_SECONDS ?? 150) * 1_000;
/** Programmes beside each other, as a statement of one is mostly waiting. A seed repeats one of them. */
const LANES = seed === undefined ? 3 : 1;

const done = { operations: 0, sequences: 0 };

async function liveThrough(db: Database, sequence: readonly Operation[]): Promise<void> {
  const programme = await openProgramme(db);
  for (const [index, operation] of sequence.entries()) {
    done.operations += await carryOut(programme, operation);
    if (index === Math.floor(sequence.length / 2)) await followEvents(programme);
  }
  await assertBooks(programme);
  done.sequences += 1;
}

async function assertBooks(programme: Programme): Promise<void> {
  assertSame(await readBooks(programme), expectedBooks(programme), 'the books');
  assertSame(brokenLaws(programme.state), [], 'the laws');
  assertSame(await readBalances(programme, undefined), balancesOf(programme), 'the balances');
  for (const { day, balances } of programme.pastBalances) {
    assertSame(await readBalances(programme, day), balances, `the balances of day ${day}`);
  }
  await followEvents(programme);
  assertSame(await readRollups(programme), expectedRollups(programme), 'the rollups');
}

t.test('whatever happens in a programme, its tables say what the model says', async (t) => {
  const { db } = await createTestDatabase(t);
  const property = fc.asyncProperty(operations, (sequence) => liveThrough(db, sequence));
  const lane = (number: number): Promise<void> =>
    fc.assert(property, {
      numRuns: Math.ceil(numRuns / LANES),
      interruptAfterTimeLimit: limitMs,
      markInterruptAsFailure: false,
      ...(seed === undefined ? {} : { seed: Number(seed) + number }),
    });
  const began = performance.now();
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  if (MODEL_REPORT !== undefined) writeFileSync(MODEL_REPORT, JSON.stringify(done));
  const isCutShort = MODEL_RUNS !== undefined || seed !== undefined || performance.now() - began >= limitMs;
  t.ok(done.operations >= (isCutShort ? 1 : AT_LEAST), JSON.stringify(done));
});
