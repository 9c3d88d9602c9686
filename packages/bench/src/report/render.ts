import { ROWS } from '../rows/index.ts';
import { placeFigures } from './documents.ts';
import type { Figures } from './figures.ts';
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

/** Plots in the folder of the report, by file name; undefined: there is nothing to draw. */
export type Plots = Readonly<Record<'speed.svg' | 'memory.svg' | 'scale.svg', string | undefined>>;

/** Of several runs the one that says most of memory: the longest. */
function longestLoad({ load }: Figures): Figures['load'][string] | undefined {
  const runs = Object.values(load).filter(
    ({ samples }) => Object.keys(samples[0]?.memoryMb ?? {}).length > 0,
  );
  return runs.toSorted((a, b) => b.summary.state.testRunDurationMs - a.summary.state.testRunDurationMs)[0];
}

export function drawPlots(figures: Figures): Plots {
  const longest = longestLoad(figures);
  return {
    'speed.svg': Object.keys(figures.speed).length === 0 ? undefined : plotSpeed(figures),
    'memory.svg': longest === undefined ? undefined : plotMemory(longest),
    'scale.svg': figures.scale === undefined ? undefined : plotScale(figures.scale),
  };
}

const SAYS = {
  'speed.svg': 'Every ratio as a multiple of its goal',
  'memory.svg': 'Memory of each process under load',
  'scale.svg': 'Latency over the size of the programme',
} as const satisfies Record<keyof Plots, string>;

const names = (): string[] => ROWS.map(({ name }) => name);

/** The report with its tables and the plots that there are. */
export function renderReport(report: string, figures: Figures, plots: Plots): string {
  const { scale, load } = figures;
  const shown = (name: keyof Plots): string =>
    plots[name] === undefined ? '' : `\n\n![${SAYS[name]}](${name})`;
  const hasLoad = Object.keys(load).length > 0;
  const nothing = 'Not measured yet.';
  const texts = {
    speed: speedTable(figures, names()) + shown('speed.svg'),
    cpu: cpuTable(figures, names()),
    load: hasLoad ? loadTable(figures) : nothing,
    growth: hasLoad ? growthTable(figures) + shown('memory.svg') : nothing,
    scale: scale === undefined ? nothing : scaleTable(scale) + shown('scale.svg'),
    processes: scale === undefined ? nothing : processTable(scale),
  };
  return Object.entries(texts).reduce((document, [name, text]) => placeFigures(document, name, text), report);
}

/** The README with the short table. */
export const renderReadme = (readme: string, figures: Figures): string =>
  placeFigures(readme, 'speed', shortSpeedTable(figures, names()));
