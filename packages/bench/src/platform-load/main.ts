// `npm run load -- load|stress|soak [--profile smoke|short|full]`: k6 against the whole platform, and the books afterwards.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { machine } from '../machine.ts';
import { MissingTool } from '../tools.ts';
import { k6Command } from './k6-command.ts';
import { runLoad, type LoadReport } from './run-load.ts';
import { IncompleteTarget, openTarget } from './target.ts';

const SCRIPTS = ['load', 'stress', 'soak'];
const PROFILES = ['smoke', 'short', 'full'];
const USAGE = `npm run load -- ${SCRIPTS.join('|')} [--profile ${PROFILES.join('|')}]
Against a stack of its own, or with GATEWAY_URL against one that runs with its rate limits (RATE_LIMIT_*) raised and webhooks to this machine allowed. Without --profile the full one: 24 minutes of load, 17 of stress, an hour of soak.`;

const root = resolve(import.meta.dirname, '../../../..');
const print = (line: string): void => console.log(line);

interface Choice {
  readonly script: string;
  readonly profile: string;
}

function choose(): Choice | undefined {
  const { values, positionals } = parseArgs({
    options: { profile: { type: 'string', default: 'full' } },
    allowPositionals: true,
  });
  const [script = 'load', ...more] = positionals;
  const isKnown = SCRIPTS.includes(script) && PROFILES.includes(values.profile) && more.length === 0;
  return isKnown ? { script, profile: values.profile } : undefined;
}

async function run({ script, profile }: Choice): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-load-'));
  try {
    // Before anything is started: nobody waits for servers to hear that a tool is missing.
    k6Command({ root, folder, script, environment: {} }, process.env['PATH'] ?? '');
    print(`${script}, ${profile}: starting`);
    const target = await openTarget(root, join(folder, 'home'), process.env);
    try {
      const path = process.env['PATH'] ?? '';
      const report = await runLoad({ root, folder, script, profile, target, path, log: print });
      return conclude(report);
    } finally {
      await target.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function conclude(report: LoadReport): number {
  const { missed, faults, growth } = report;
  const folder = join(root, '.tributary', 'load');
  mkdirSync(folder, { recursive: true });
  const takenAt = new Date().toISOString();
  const path = join(folder, `${takenAt.replaceAll(':', '-')}-${report.script}-${report.profile}.json`);
  writeFileSync(path, `${JSON.stringify({ takenAt, machine, ...report }, null, 2)}\n`);
  for (const [name, mb] of Object.entries(growth)) print(`  ${name.padEnd(20)} ${mb.toFixed(2)} MB a minute`);
  for (const fault of faults) print(`BOOKS: ${fault}`);
  for (const threshold of missed) print(`MISSED: ${threshold}`);
  print(faults.length === 0 ? 'The books balance.' : 'The books do not balance.');
  print(`${report.requestsPerSecond.toFixed(0)} requests a second on average; written to ${path}`);
  return faults.length + missed.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const choice = choose();
  if (choice === undefined) {
    console.error(USAGE);
    return 2;
  }
  try {
    return await run(choice);
  } catch (error) {
    if (!(error instanceof MissingTool) && !(error instanceof IncompleteTarget)) throw error;
    console.error(error.message);
    return 2;
  }
}

process.exitCode = await main();
