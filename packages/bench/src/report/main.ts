// `npm run bench:report`: takes what bench, bench:scale and load have written, and renders tables and plots into the documents.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

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

const PLOTS = {
  speed: { path: 'docs/speed.svg', says: 'Every ratio as a multiple of its goal' },
  memory: { path: 'docs/memory.svg', says: 'Memory of each process under load' },
  scale: { path: 'docs/scale.svg', says: 'Latency over the size of the programme' },
};

/** Writes or removes a plot and answers the Markdown that shows it; empty where there is nothing to show. */
function writePlot(name: keyof typeof PLOTS, svg: string | undefined): string {
  const { path, says } = PLOTS[name];
  if (svg === undefined) {
    rmSync(at(path), { force: true });
    return '';
  }
  writeFileSync(at(path), svg);
  return `\n\n![${says}](${basename(path)})`;
}

function writeDocuments(figures: Figures): void {
  const rows = ROWS.map(({ name }) => name);
  const { scale, speed, load } = figures;
  const longest = longestLoad(figures);
  const hasLoad = Object.keys(load).length > 0;
  const nothing = 'Not measured yet.';
  const plots = {
    speed: writePlot('speed', Object.keys(speed).length === 0 ? undefined : plotSpeed(figures)),
    memory: writePlot('memory', longest === undefined ? undefined : plotMemory(longest)),
    scale: writePlot('scale', scale === undefined ? undefined : plotScale(scale)),
  };
  const texts = {
    speed: speedTable(figures, rows) + plots.speed,
    cpu: cpuTable(figures, rows),
    load: hasLoad ? loadTable(figures) : nothing,
    growth: hasLoad ? growthTable(figures) + plots.memory : nothing,
    scale: scale === undefined ? nothing : scaleTable(scale) + plots.scale,
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
writeDocuments(figures);
execFileSync(at('node_modules/.bin/oxfmt'), [FIGURES, REPORT, README], { cwd: root });
console.log(`${REPORT}, ${README}, ${FIGURES} and the plots in docs show what has been measured.`);
