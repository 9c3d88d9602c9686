// The static checks: each has a name, all are run, and the summary says which failed.
import { join } from 'node:path';

import { runChild } from './child.mjs';

/** @typedef {{ name: string, command: string, args: string[] }} Check */

/** @type {Record<'format' | 'lint' | 'types' | 'imports' | 'unused', Check>} */
const CHECKS = {
  format: { name: 'format', command: 'oxfmt', args: ['--check'] },
  lint: { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  types: { name: 'types', command: 'tsc', args: ['--project', 'tsconfig.json'] },
  imports: {
    name: 'import direction',
    command: 'oxlint',
    args: ['--config', '.oxlintrc.imports.json', '--deny-warnings'],
  },
  unused: { name: 'unused code', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
};

/** What `npm run check` runs. */
export const ALL_CHECKS = Object.values(CHECKS);

/** What `npm test` runs before the tests. */
export const TEST_CHECKS = [CHECKS.lint, CHECKS.types];

/** Two at once: each uses a core or two, and the machines of CI have few. */
const AT_ONCE = 2;

async function runCheck(root, check) {
  const began = Date.now();
  let output = '';
  const exitCode = await runChild(join(root, 'node_modules', '.bin', check.command), check.args, {
    cwd: root,
    capture: (chunk) => (output += chunk),
  });
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  if (exitCode !== 0) console.log(`\n${output.trimEnd()}\n`);
  console.log(`${exitCode === 0 ? 'passed' : 'FAILED'}  ${check.name} (${seconds} s)`);
  return { name: check.name, exitCode };
}

/**
 * Runs the checks, prints what the failing ones say and answers the exit code.
 * @param {string} root
 * @param {Check[]} checks
 */
export async function runChecks(root, checks) {
  const waiting = [...checks];
  const results = [];
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      results.push(await runCheck(root, check));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const failed = results.filter((result) => result.exitCode !== 0);
  const interrupted = failed.find((result) => result.exitCode > 128);
  if (interrupted !== undefined) return interrupted.exitCode;
  if (failed.length === 0) console.log(`All ${results.length} checks passed.`);
  else
    console.log(
      `${failed.length} of ${results.length} checks failed: ${failed.map((result) => result.name).join(', ')}.`,
    );
  return failed.length === 0 ? 0 : 1;
}
