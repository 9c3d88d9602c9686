// `npm run drill -- NAME`: a reliability drill against servers and services of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import type { DrillDeclaration } from './drill-declaration.ts';
import { commissionsAtSizeDrill } from './drills/commissions-at-size.ts';
import { alertsFireDrill } from './drills/alerts-fire.ts';
import { backupRestoreDrill } from './drills/backup-restore.ts';
import { canaryDrill } from './drills/canary-drill.ts';
import { commissionsModelDrill } from './drills/commissions-model.ts';
import { commissionsRaceDrill } from './drills/commissions-race.ts';
import { generatedRequestsDrill } from './drills/generated-requests.ts';
import { idleSocketsDrill } from './drills/idle-sockets.ts';
import { killEachProcessDrill } from './drills/kill-each-process.ts';
import { natsAwayDrill } from './drills/nats-away.ts';
import { natsClusterDrill } from './drills/nats-cluster.ts';
import { postgresRestartsDrill } from './drills/postgres-restarts.ts';
import { redisAwayDrill } from './drills/redis-away.ts';
import { previousReleaseDrill } from './drills/previous-release.ts';
import { sigtermUnderLoadDrill } from './drills/sigterm-under-load.ts';
import { webhookIsolationDrill } from './drills/webhook-isolation.ts';
import { webhookKillsDrill } from './drills/webhook-kills.ts';

const DRILLS: readonly DrillDeclaration[] = [
  commissionsRaceDrill,
  commissionsModelDrill,
  commissionsAtSizeDrill,
  webhookKillsDrill,
  webhookIsolationDrill,
  idleSocketsDrill,
  redisAwayDrill,
  previousReleaseDrill,
  sigtermUnderLoadDrill,
  generatedRequestsDrill,
  killEachProcessDrill,
  postgresRestartsDrill,
  natsAwayDrill,
  natsClusterDrill,
  canaryDrill,
  alertsFireDrill,
  backupRestoreDrill,
];

const root = resolve(import.meta.dirname, '../../..');

function usage(): string {
  const lines = DRILLS.map(({ name, says }) => `  ${name.padEnd(20)} ${says}`);
  return `npm run drill -- NAME\n\n${lines.join('\n')}`;
}

/** @throws when an option is unknown or no number */
function readOptions({ options = {} }: DrillDeclaration, args: readonly string[]): Record<string, number> {
  const known = Object.keys(options).map((name) => [name, { type: 'string' as const }] as const);
  const { values } = parseArgs({ args: [...args], options: Object.fromEntries(known), strict: true });
  const given = Object.entries(values).map(([name, value]) => [name, Number(value)] as const);
  for (const [name, value] of given)
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} needs a number`);
  return { ...options, ...Object.fromEntries(given) };
}

async function run(drill: DrillDeclaration, args: readonly string[]): Promise<number> {
  const options = readOptions(drill, args);
  const folder = mkdtempSync(join(tmpdir(), 'tributary-drill-'));
  console.log(`${drill.name}: ${drill.says}`);
  const began = performance.now();
  try {
    const { passed } = await drill.run({ folder, root, options, log: (line) => console.log(`  ${line}`) });
    const seconds = Math.round((performance.now() - began) / 1_000);
    console.log(`${drill.name}: ${passed ? 'passed' : 'FAILED'} (${seconds} s)`);
    return passed ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  const drill = DRILLS.find((one) => one.name === name);
  if (drill !== undefined) return run(drill, args);
  console.log(usage());
  return name === undefined ? 0 : 2;
}

// What the drill started ends with it, also when it is interrupted.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
