import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { TestScope } from '@tributary/testkit';
import t from 'tap';

import { placeFigures } from './documents.ts';
import { collectFigures, figuresSchema, type Figures } from './figures.ts';
import { plotMemory, plotScale, plotSpeed } from './plots.ts';
import { drawPlots, renderReadme, renderReport } from './render.ts';
import { loadTable, scaleTable, shortSpeedTable, speedTable } from './tables.ts';

const machine = { cores: 2, model: 'a processor', node: 'v24' };
const perSecond = { median: 1_000, min: 900, max: 1_100 };

const bench = (takenAt: string, rounds: number, ratio: number) => ({
  takenAt,
  machine,
  results: [
    {
      row: 'list',
      work: 'a list',
      rounds,
      sides: [
        { name: 'ours', configuration: 'as it is', perSecond, cpuMicroseconds: 573 },
        {
          name: 'pgbench',
          configuration: 'prepared',
          perSecond,
          ratio,
          goal: 0.5,
          latencyRatios: { p50: 0.2, p99: 0.4 },
          latencyGoals: { p50: 0.25, p99: 0.1 },
        },
      ],
    },
  ],
});

const load = {
  takenAt: '2026-11-22T12:00:00.000Z',
  machine,
  script: 'load',
  profile: 'full',
  requestsPerSecond: 1_234.4,
  plateauPerSecond: 2_100,
  summary: {
    metrics: {
      'http_req_duration{phase:plateau}': { values: { 'p(95)': 120, 'p(99)': 240 } },
      vus: { values: { value: 1 } },
    },
    state: { testRunDurationMs: 1_440_000 },
  },
  missed: [],
  faults: [],
  samples: Array.from({ length: 1_000 }, (_, index) => ({
    seconds: index * 1.44,
    memoryMb: { gateway: 100.123 },
    cpuSeconds: { gateway: index / 3 },
    machineCpuSeconds: index,
  })),
  growth: { gateway: 0.01 },
};

const scale = {
  takenAt: '2026-11-22T12:00:00.000Z',
  machine,
  processes: { gateway: { readyMs: 812, idleMb: 96 } },
  sizes: [100_000, 1_000_000].map((clicks) => ({
    clicks,
    commissions: clicks / 10,
    questions: { 'list of a partner': { p50: 2.3, p95: 4 } },
    csv: { rows: 10, perSecond: 20_000, memoryMb: 130 },
    batch: { rows: 1_000, perSecond: 12_000 },
    backlog: { events: 1_000, seconds: 2 },
  })),
};

async function collected(t: TestScope, runs: readonly ReturnType<typeof bench>[]): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-report-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const [index, run] of runs.entries()) await write(folder, 'bench', `${index}.json`, run);
  await write(folder, 'bench', 'foreign.json', { something: 'else' });
  await write(folder, 'load', 'run.json', load);
  await write(folder, 'scale', 'run.json', scale);
  return collectFigures({ speed: {}, load: {} }, folder);
}

async function write(folder: string, kind: string, name: string, content: object): Promise<void> {
  await mkdir(join(folder, kind), { recursive: true });
  await writeFile(join(folder, kind, name), JSON.stringify(content));
}

t.test(
  'of several results the newest is shown, and a quick look never instead of a full measurement',
  async (t) => {
    const old = bench('2026-11-20T12:00:00.000Z', 3, 0.3);
    const newer = bench('2026-11-21T12:00:00.000Z', 3, 0.4);
    const quick = bench('2026-11-22T12:00:00.000Z', 1, 0.9);
    const figures = await collected(t, [newer, quick, old]);
    t.equal(figures.speed['list']?.result.sides[1]?.ratio, 0.4);
    t.same(collectFigures(figures, '/nowhere'), figures, 'what is shown stays without new results');
  },
);

t.test('a curve keeps some points of a long run, and of the summary what is shown', async (t) => {
  const run = (await collected(t, [])).load['load full'];
  t.ok(run !== undefined && run.samples.length <= 90 && run.samples.length > 40);
  t.same(Object.keys(run?.summary.metrics ?? {}), ['http_req_duration{phase:plateau}']);
});

t.test(
  'the table says what was met and missed, more being better but for latencies, and what nobody measured',
  async (t) => {
    const figures = await collected(t, [bench('2026-11-21T12:00:00.000Z', 3, 0.6)]);
    const lines = speedTable(figures, ['list', 'click']).split('\n').slice(2);
    t.equal(lines.length, 4);
    t.match(lines[0], /\| 0\.60 \| 0\.50 \| met \| 2026-11-21 \|/);
    t.match(lines[1], /\| 0\.20 \(p50\) \| 0\.25 at most \| met \|/);
    t.match(lines[2], /\| 0\.40 \(p99\) \| 0\.10 at most \| missed \|/);
    t.match(lines[3], /click .* not measured yet/);
    t.notMatch(shortSpeedTable(figures, ['list', 'click']), /not measured/, 'the README shows what there is');
    const quick = await collected(t, [bench('2026-11-21T12:00:00.000Z', 1, 0.6)]);
    t.match(speedTable(quick, ['list']), /2026-11-21 \(a quick look\)/);
    t.notMatch(shortSpeedTable(quick, ['list']), /pgbench/, 'and nothing that was looked at quickly');
  },
);

t.test('load and growth have their tables', async (t) => {
  const figures = await collected(t, []);
  t.match(
    loadTable(figures),
    /\| load full \| 2026-11-22 \| 1,234\/s \| 2,100\/s \| 120 \| 240 \| 0\.5 \| all met \| balance \|/,
  );
  t.match(scaleTable(scale), /\| list of a partner, p50 \(p95\) \| 2\.3 \(4\.0\) ms \| 2\.3 \(4\.0\) ms \|/);
});

t.test('plots are SVG with their names in it', async (t) => {
  const figures = await collected(t, [bench('2026-11-21T12:00:00.000Z', 3, 0.6)]);
  t.match(
    plotSpeed(figures),
    /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg".*list beside pgbench.*<\/svg>\n$/s,
  );
  t.match(plotScale(scale), /^<svg .*list of a partner.*<\/svg>\n$/s);
  t.match(plotMemory(load), /^<svg .*gateway.*<\/svg>\n$/s);
});

t.test('a text takes its place in a document, as often as one likes', async (t) => {
  const document = 'before\n\n<!-- figures:a -->\n<!-- /figures:a -->\n\nafter\n';
  const once = placeFigures(document, 'a', 'table');
  t.equal(once, 'before\n\n<!-- figures:a -->\n\ntable\n\n<!-- /figures:a -->\n\nafter\n');
  t.equal(placeFigures(once, 'a', 'table'), once);
  t.throws(() => placeFigures(document, 'b', 'table'), /no place for b/);
});

t.test('the documents show what docs/figures.json says', async (t) => {
  const read = (path: string): Promise<string> =>
    readFile(resolve(import.meta.dirname, '../../../..', path), 'utf8');
  const figures = figuresSchema.parse(JSON.parse(await read('docs/figures.json')));
  const plots = drawPlots(figures);
  const report = await read('docs/performance.md');
  t.equal(
    unpadded(renderReport(report, figures, plots)),
    unpadded(report),
    'npm run bench:report renders it anew',
  );
  const readme = await read('README.md');
  t.equal(unpadded(renderReadme(readme, figures)), unpadded(readme));
  for (const [name, svg] of Object.entries(plots))
    if (svg !== undefined) t.equal(await read(`docs/${name}`), svg);
});

/** Without the blanks and dashes by which the formatter makes columns equally wide. */
const unpadded = (document: string): string =>
  document.replaceAll(/ +(?=\|)|(?<=\|) +/g, ' ').replaceAll(/-{3,}/g, '---');
