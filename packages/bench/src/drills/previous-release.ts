import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { run } from '../tools.ts';

const MIGRATIONS = 'packages/schema/migrations';
/** What a process of the release before does all day: the way of the money, webhooks, figures and jobs, as processes and by service. */
const TESTS = [
  'packages/devstack/test/serial/end-to-end.test.ts',
  'services/operations-service/test',
  'services/tracking-service/test',
  'services/webhook-dispatcher/test',
  'services/analytics-service/test',
  'services/batch-scheduler/test',
];

export const previousReleaseDrill: DrillDeclaration = {
  name: 'previous-release',
  says: 'the code from before the newest migration on the schema of now: its own end-to-end and service tests pass',
  run: drill,
};

async function drill({ root, folder, log }: DrillContext): Promise<DrillResult> {
  const git = async (...args: string[]): Promise<string> => (await run('git', ['-C', root, ...args])).trim();
  const newest = readdirSync(join(root, MIGRATIONS))
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .at(-1);
  const brought = await git(
    'log',
    '--diff-filter=A',
    '--format=%H',
    '-1',
    '--',
    `${MIGRATIONS}/${newest ?? ''}`,
  );
  const before = await git('log', '--format=%h %s', '-1', `${brought}^`);
  const [commit = ''] = before.split(' ', 1);
  log(`before ${newest ?? 'any migration'}: ${before}`);
  const checkout = join(folder, 'previous');
  await run('git', ['clone', '--quiet', '--no-checkout', root, checkout]);
  await run('git', ['-C', checkout, 'checkout', '--quiet', commit]);
  rmSync(join(checkout, MIGRATIONS), { recursive: true });
  cpSync(join(root, MIGRATIONS), join(checkout, MIGRATIONS), { recursive: true });
  const tests = spawn('npm', ['test', '--', ...TESTS], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = '';
  for await (const chunk of tests.stdout.setEncoding('utf8')) {
    for (const line of String(chunk).split('\n')) {
      if (/^\s*✖|Error/.test(line)) log(line);
      if (/\d+ passed, \d+ failed/.test(line)) last = line.trim();
    }
  }
  if (tests.exitCode === null) await once(tests, 'exit');
  log(last);
  return { passed: tests.exitCode === 0 };
}
