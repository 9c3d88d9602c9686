// `npm run bench:scale [-- --sizes 100000,1000000,10000000]`: what things cost as a programme grows, and what its processes take.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { machine } from '../machine.ts';
import { startOwnStack } from '../stack/own-stack.ts';
import { measureSize, type SizeResult } from './measure.ts';
import { makePast } from './past.ts';
import { measureProcesses, type ProcessResult } from './processes.ts';

const USAGE = `npm run bench:scale -- [--sizes 100000,1000000,10000000] [--rounds 60]
Clicks, with a tenth as many commissions; ten million take ten minutes and 10 GB to make.`;

const root = resolve(import.meta.dirname, '../../../..');

async function measure(clicks: number, rounds: number): Promise<SizeResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-scale-'));
  try {
    console.log(`${clicks} clicks: making the past`);
    const past = await makePast(join(folder, 'postgres'), root, clicks);
    try {
      const environment = { DATABASE_URL: past.ownerUrl };
      const stack = await startOwnStack({ root, home: join(folder, 'home'), environment });
      try {
        const pids = { ...stack.pids, postgres: past.postgres.pid };
        return await measureSize({ ...stack, pids }, past, { clicks, rounds });
      } finally {
        await stack.stop();
      }
    } finally {
      await past.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureEmpty(): Promise<Record<string, ProcessResult>> {
  const home = mkdtempSync(join(tmpdir(), 'tributary-scale-'));
  try {
    const stack = await startOwnStack({ root, home });
    try {
      return await measureProcesses(home);
    } finally {
      await stack.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function print({ clicks, commissions, questions, csv, batch, backlog }: SizeResult): void {
  console.log(`\n${clicks} clicks, ${commissions} commissions`);
  for (const [name, { p50, p95 }] of Object.entries(questions))
    console.log(
      `  ${name.padEnd(30)} p50 ${p50.toFixed(1).padStart(7)} ms, p95 ${p95.toFixed(1).padStart(7)} ms`,
    );
  const memory = csv.memoryMb === null ? '' : `, at most ${Math.round(csv.memoryMb)} MB`;
  console.log(`  file of ${csv.rows} rows: ${Math.round(csv.perSecond)}/s${memory}`);
  console.log(`  batch of ${batch.rows}: ${Math.round(batch.perSecond)}/s`);
  console.log(`  its ${backlog.events} events were sent and counted ${backlog.seconds.toFixed(1)} s later`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '100000,1000000,10000000' },
      rounds: { type: 'string', default: '60' },
    },
  });
  const sizes = values.sizes.split(',').map(Number);
  const rounds = Number(values.rounds);
  if (![...sizes, rounds].every((count) => Number.isSafeInteger(count) && count > 0)) {
    console.error(USAGE);
    return 2;
  }
  const processes = await measureEmpty();
  for (const [name, { readyMs, idleMb }] of Object.entries(processes))
    console.log(`${name.padEnd(20)} ready after ${Math.round(readyMs)} ms, ${Math.round(idleMb)} MB at idle`);
  const folder = join(root, '.tributary', 'scale');
  mkdirSync(folder, { recursive: true });
  const takenAt = new Date().toISOString();
  const path = join(folder, `${takenAt.replaceAll(':', '-')}.json`);
  const results: SizeResult[] = [];
  for (const clicks of sizes) {
    const result = await measure(clicks, rounds);
    results.push(result);
    print(result);
    // After each size: the last one takes longer than all before.
    writeFileSync(path, `${JSON.stringify({ takenAt, machine, processes, sizes: results }, null, 2)}\n`);
  }
  console.log(`\nwritten to ${path}`);
  return 0;
}

process.exitCode = await main();
