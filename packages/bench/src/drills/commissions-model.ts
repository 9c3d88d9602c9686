import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import type { DrillContext, DrillDeclaration } from '../drill-declaration.ts';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 10_000);
const SECONDS = Number(process.env['MODEL_SECONDS'] ?? 3_600);
/** A test file is ended after some minutes; each round draws sequences of its own. */
const ROUND_SECONDS = 60;

const reportSchema = z.object({ operations: z.int(), sequences: z.int() });

/** The model-based test of packages/commissions, for longer than a test may take. */
export const commissionsModelDrill: DrillDeclaration = {
  name: 'commissions-model',
  says: `${RUNS} random sequences (MODEL_RUNS; at most ${SECONDS} s, MODEL_SECONDS): tables, audit, outbox, balances and rollups as the model has them, several actors at once`,
  async run(context) {
    const endsAt = Date.now() + SECONDS * 1_000;
    let [operations, sequences] = [0, 0];
    while (sequences < RUNS && Date.now() < endsAt) {
      const seconds = Math.min(ROUND_SECONDS, Math.ceil((endsAt - Date.now()) / 1_000));
      const round = await runModel(context, { runs: RUNS - sequences, seconds });
      if (round === undefined) return { passed: false };
      operations += round.operations;
      sequences += round.sequences;
      context.log(`${operations} operations in ${sequences} sequences: all as in the model`);
    }
    return { passed: true };
  },
};

async function runModel(
  { folder, root }: DrillContext,
  { runs, seconds }: { readonly runs: number; readonly seconds: number },
): Promise<z.output<typeof reportSchema> | undefined> {
  const report = join(folder, 'model.json');
  const test = 'packages/commissions/test/model.test.ts';
  const child = spawn(process.execPath, [join(root, 'packages/testkit/src/run-tests.ts'), test], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      MODEL_RUNS: String(runs),
      MODEL_SECONDS: String(seconds),
      MODEL_REPORT: report,
    },
  });
  const [code] = await once(child, 'exit');
  return code === 0 ? reportSchema.parse(JSON.parse(readFileSync(report, 'utf8'))) : undefined;
}
