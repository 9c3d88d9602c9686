// `npm run bench:report`: takes what bench, bench:scale and load have written, and renders tables and plots into the documents.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { collectFigures, figuresSchema, type Figures } from './figures.ts';
import { drawPlots, renderReadme, renderReport } from './render.ts';

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

const change = (path: string, to: (document: string) => string): void =>
  writeFileSync(at(path), to(readFileSync(at(path), 'utf8')));

const figures = collectFigures(readShown(), at('.tributary'));
const plots = drawPlots(figures);
writeFileSync(at(FIGURES), `${JSON.stringify(figures)}\n`);
for (const [name, svg] of Object.entries(plots)) {
  if (svg === undefined) rmSync(at(`docs/${name}`), { force: true });
  else writeFileSync(at(`docs/${name}`), svg);
}
change(REPORT, (report) => renderReport(report, figures, plots));
change(README, (readme) => renderReadme(readme, figures));
execFileSync(at('node_modules/.bin/oxfmt'), [FIGURES, REPORT, README], { cwd: root });
console.log(`${REPORT}, ${README}, ${FIGURES} and the plots in docs show what has been measured.`);
