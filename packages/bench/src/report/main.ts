// `npm run bench:report`: takes what bench, bench:scale and load have written, and renders tables and plots into the documents.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { ROWS } from '../rows/index.ts';
import { placeFigures } from './documents.ts';
import { collectFigures, figuresSchema, type Figures } from './figures.ts';
import { plotMemory, plotScale, plotSpeed } from './plots.ts';
import {
  cpuTable,
  growthTable,
  loadTable,
  processTable,
  scaleTable,
  shortSpeedTable,
  speedTable,
} from './tables.ts';

const root = resolve(import.meta.dirname, '../../../..');
const at = (path: string): string => join(root, path);
const FIGURES = 'docs/figures.json';
const REPORT = 'docs/performance.md';
const README = 'README.md';

function readShown(): Figures {
  try {
    return figuresSchema.parse(JSON.parse(readFileSync(at(FIGURES), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { speed: {}, load: {} };
    throw error;
  }
}

/** Of several runs the one that says most of memory: the longest. */
function longestLoad({ load }: Figures): Figures['load'][string] | undefined {
  const runs = Object.values(load).filter(
    ({ samples }) => Object.keys(samples[0]?.memoryMb ?? {}).length > 0,
  );
  return runs.toSorted((a, b) => b.summary.state.testRunDurationMs - a.summary.state.testRunDurationMs)[0];
}

function writePlots(figures: Figures): void {
  const run = longestLoad(figures);
  const plots = {
    'docs/speed.svg': Object.keys(figures.speed).length === 0 ? undefined : plotSpeed(figures),
    'docs/scale.svg': figures.scale === undefined ? undefined : plotScale(figures.scale),
    'docs/memory.svg': run === undefined ? undefined : plotMemory(run),
  };
  for (const [path, svg] of Object.entries(plots)) {
    if (svg === undefined) rmSync(at(path), { force: true });
    else writeFileSync(at(path), svg);
  }
}

function writeTables(figures: Figures): void {
  const rows = ROWS.map(({ name }) => name);
  const nothing = 'Not measured yet.';
  const { scale } = figures;
  const texts = {
    speed: speedTable(figures, rows),
    cpu: cpuTable(figures, rows),
    load: Object.keys(figures.load).length === 0 ? nothing : loadTable(figures),
    growth: Object.keys(figures.load).length === 0 ? nothing : growthTable(figures),
    scale: scale === undefined ? nothing : scaleTable(scale),
    processes: scale === undefined ? nothing : processTable(scale),
  };
  let report = readFileSync(at(REPORT), 'utf8');
  for (const [name, text] of Object.entries(texts)) report = placeFigures(report, name, text);
  writeFileSync(at(REPORT), report);
  const readme = readFileSync(at(README), 'utf8');
  writeFileSync(at(README), placeFigures(readme, 'speed', shortSpeedTable(figures, rows)));
}

const figures = collectFigures(readShown(), at('.tributary'));
writeFileSync(at(FIGURES), `${JSON.stringify(figures)}\n`);
writePlots(figures);
writeTables(figures);
execFileSync(at('node_modules/.bin/oxfmt'), [FIGURES, REPORT, README], { cwd: root });
console.log(`${REPORT}, ${README}, ${FIGURES} and the plots in docs show what has been measured.`);
