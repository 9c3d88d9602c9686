// `npm run drill -- NAME`: a reliability drill against servers and services of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { DrillDeclaration } from './drill-declaration.ts';
import { commissionsModelDrill } from './drills/commissions-model.ts';
import { commissionsRaceDrill } from './drills/commissions-race.ts';
import { generatedRequestsDrill } from './drills/generated-requests.ts';
import { idleSocketsDrill } from './drills/idle-sockets.ts';
import { redisAwayDrill } from './drills/redis-away.ts';
import { sigtermUnderLoadDrill } from './drills/sigterm-under-load.ts';
import { webhookIsolationDrill } from './drills/webhook-isolation.ts';
import { webhookKillsDrill } from './drills/webhook-kills.ts';

const DRILLS: readonly DrillDeclaration[] = [
  commissionsRaceDrill,
  commissionsModelDrill,
  webhookKillsDrill,
  webhookIsolationDrill,
  idleSocketsDrill,
  redisAwayDrill,
  sigtermUnderLoadDrill,
  generatedRequestsDrill,
];

const root = resolve(import.meta.dirname, '../../..');

function usage(): string {
  const lines = DRILLS.map(({ name, says }) => `  ${name.padEnd(20)} ${says}`);
  return `npm run drill -- NAME\n\n${lines.join('\n')}`;
}

async function run(drill: DrillDeclaration): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-drill-'));
  console.log(`${drill.name}: ${drill.says}`);
  const began = performance.now();
  try {
    const { passed } = await drill.run({ folder, root, log: (line) => console.log(`  ${line}`) });
    const seconds = Math.round((performance.now() - began) / 1_000);
    console.log(`${drill.name}: ${passed ? 'passed' : 'FAILED'} (${seconds} s)`);
    return passed ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const [name] = process.argv.slice(2);
  const drill = DRILLS.find((one) => one.name === name);
  if (drill !== undefined) return run(drill);
  console.log(usage());
  return name === undefined ? 0 : 2;
}

process.exitCode = await main();
