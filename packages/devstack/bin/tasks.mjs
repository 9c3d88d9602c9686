// The tasks of the root's package.json: what each runs on the Node that npm brought.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ALL_CHECKS, runChecks, TEST_CHECKS } from './checks.mjs';
import { runChild } from './child.mjs';
import { Failure } from './launch-failure.mjs';

/** @typedef {{ root: string, node: string, args: string[] }} Context */

/** @param {Context} context @param {string} script @param {boolean} [channel] */
function runScript({ root, node, args }, script, channel = false) {
  const path = join(root, script);
  if (!existsSync(path)) throw new Failure(`${script} does not exist in this version of Tributary.`);
  return runChild(node, [path, ...args], { cwd: root, channel });
}

/** @param {Context} context */
async function test(context) {
  if (context.args.length === 0) {
    const exitCode = await runChecks(context.root, TEST_CHECKS);
    if (exitCode !== 0) return exitCode;
  }
  return runScript(context, 'packages/testkit/src/run-tests.ts', true);
}

/** @param {Context} context */
function generateMigration({ root, args }) {
  const cwd = join(root, 'packages', 'schema');
  return runChild(join(cwd, 'node_modules', '.bin', 'drizzle-kit'), ['generate', ...args], { cwd });
}

/** @type {Record<string, { says: string, run: (context: Context) => Promise<number> }>} */
export const TASKS = {
  start: {
    says: 'bring up the whole platform',
    run: (context) => runScript(context, 'packages/devstack/src/start.ts', true),
  },
  test: { says: 'lint, types and all tests; with files, only those tests', run: test },
  check: {
    says: 'format, lint, types, import direction and unused code',
    run: ({ root }) => runChecks(root, ALL_CHECKS),
  },
  format: {
    says: 'format every file in place',
    run: ({ root, args }) => runChild(join(root, 'node_modules', '.bin', 'oxfmt'), args, { cwd: root }),
  },
  bench: {
    says: 'performance against limits and peers',
    run: (context) => runScript(context, 'packages/bench/src/run.ts', true),
  },
  'bench:fill': {
    says: 'fill the empty database at DATABASE_URL with millions of rows',
    run: (context) => runScript(context, 'packages/bench/src/fill.ts'),
  },
  'bench:scale': {
    says: 'what things cost as a programme grows',
    run: (context) => runScript(context, 'packages/bench/src/scale/main.ts', true),
  },
  'bench:report': {
    says: 'render what was measured into docs/performance.md and the README',
    run: (context) => runScript(context, 'packages/bench/src/report/main.ts'),
  },
  load: {
    says: 'k6 against the whole platform: load, stress or soak',
    run: (context) => runScript(context, 'packages/bench/src/platform-load/main.ts', true),
  },
  drill: {
    says: 'a reliability drill, by name',
    run: (context) => runScript(context, 'packages/bench/src/drill.ts', true),
  },
  'webhook:listen': {
    says: 'receive, verify and print the webhooks of the running stack',
    run: (context) => runScript(context, 'packages/devstack/src/webhook-listen.ts', true),
  },
  monitor: {
    says: 'Prometheus and Alertmanager beside the running stack; --check checks their files',
    run: (context) => runScript(context, 'packages/monitoring/src/monitor.ts', true),
  },
  canary: {
    says: 'lead a candidate of a service to all traffic, or back',
    run: (context) => runScript(context, 'packages/canary/src/cli.ts', true),
  },
  bundle: {
    says: 'write what container images hold into dist, or into the folder that is named',
    run: (context) => runScript(context, 'packages/deployment/src/bundle.ts'),
  },
  kubernetes: {
    says: 'write infra/kubernetes/base and infra/kubernetes/nats from their source',
    run: (context) => runScript(context, 'packages/deployment/src/write-kubernetes.ts'),
  },
  'db:migrate': {
    says: 'migrate the database at DATABASE_URL',
    run: (context) => runScript(context, 'packages/schema/src/migrate-cli.ts'),
  },
  'db:generate': { says: 'write the migration for changed tables', run: generateMigration },
  'client:generate': {
    says: "write the client's types from the API's document",
    run: (context) => runScript(context, 'packages/devstack/src/generate-client.ts'),
  },
  'analytics:rebuild': {
    says: 'compute the rollups of a running stack anew',
    run: (context) => runScript(context, 'packages/devstack/src/rebuild-rollups.ts'),
  },
};
