import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { machine } from './machine.ts';
import { ROWS } from './rows/index.ts';
import { measureRow, type RowDeclaration, type RowResult } from './row.ts';
import { printRow } from './table.ts';
import { MissingTool } from './tools.ts';

const USAGE = `npm run bench -- [--only ROW] [--quick] [--data FOLDER]
ROW is the beginning of a name. FOLDER holds what npm run bench:fill -- --into FOLDER made.
Rows: ${ROWS.map(({ name }) => name).join(', ')}`;

const root = resolve(import.meta.dirname, '../../..');

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, quick: { type: 'boolean' }, data: { type: 'string' } },
  });
  const chosen = ROWS.filter(({ name }) => values.only === undefined || name.startsWith(values.only));
  if (chosen.length === 0) {
    console.error(USAGE);
    return 2;
  }
  const quick = values.quick === true;
  const data = values.data === undefined ? undefined : resolve(values.data);
  const options = { quick, data, ...(quick ? { rounds: 1, seconds: 2 } : { rounds: 3, seconds: 8 }) };
  const results: RowResult[] = [];
  let missing = 0;
  for (const declaration of chosen) {
    const result = await measure(declaration, options).catch((error: unknown) => {
      if (!(error instanceof MissingTool)) throw error;
      console.log(`${declaration.name}: not measured: ${error.message}`);
      missing += 1;
      return undefined;
    });
    if (result === undefined) continue;
    results.push(result);
    printRow(result, (line) => console.log(line));
  }
  if (results.length > 0) console.log(`\nwritten to ${writeResults(results)}`);
  return missing > 0 ? 1 : 0;
}

interface Options {
  readonly quick: boolean;
  readonly data: string | undefined;
  readonly rounds: number;
  readonly seconds: number;
}

async function measure(
  declaration: RowDeclaration,
  { quick, data, ...options }: Options,
): Promise<RowResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-bench-'));
  console.log(`${declaration.name}: starting servers and peers`);
  try {
    const row = await declaration.open({
      folder,
      root,
      quick,
      data,
      log: (line) => console.log(`  ${line}`),
    });
    try {
      return await measureRow(row, options);
    } finally {
      await row.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeResults(results: readonly RowResult[]): string {
  const folder = join(root, '.tributary', 'bench');
  mkdirSync(folder, { recursive: true });
  const takenAt = new Date().toISOString();
  const path = join(folder, `${takenAt.replaceAll(':', '-')}.json`);
  writeFileSync(path, `${JSON.stringify({ takenAt, machine, results }, null, 2)}\n`);
  return path;
}

process.exitCode = await main();
