import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';

import type { DrillDeclaration } from '../drill-declaration.ts';

const REQUESTS = 10_000;
/** The test that sends a few hundred of them with every `npm test`. */
const TEST = 'packages/devstack/test/serial/hostile-input.test.ts';

export const generatedRequestsDrill: DrillDeclaration = {
  name: 'generated-requests',
  says: `${REQUESTS} requests generated from the OpenAPI document: no 5xx, no answer outside its schema`,
  async run({ root, log }) {
    const seed = process.env['GENERATED_SEED'] ?? String(randomInt(1_000_000_000));
    log(`GENERATED_SEED=${seed} sends the same again`);
    const test = spawn(process.execPath, [join(root, 'packages/testkit/src/run-tests.ts'), TEST], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, GENERATED_REQUESTS: String(REQUESTS), GENERATED_SEED: seed },
    });
    const [code] = await once(test, 'exit');
    return { passed: code === 0 };
  },
};
