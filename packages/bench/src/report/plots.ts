import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import type { Figures, LoadFigures, ScaleFigures } from './figures.ts';

const WIDTH = 860;
const MARGIN_FOR_LABELS = 190;

/** Plot draws into a document; outside a browser linkedom lends one. */
function draw(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const figure = Plot.plot({
    document,
    width: WIDTH,
    style: { background: 'white', color: '#1f2328', fontSize: '12px' },
    ...options,
  });
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${figure.outerHTML}\n`;
}

interface Curves {
  readonly x: string;
  readonly y: string;
  /** Which curve a point belongs to; its name stands at its end. */
  readonly z: string;
}

const curves = (points: readonly object[], { x, y, z }: Curves): Plot.Markish[] => [
  Plot.lineY(points, { x, y, z, stroke: z }),
  Plot.text(points, Plot.selectLast({ x, y, z, text: z, fill: z, textAnchor: 'start', dx: 6 })),
];

/** Latency of each question over the size of the programme; flat is good. */
export function plotScale({ sizes }: ScaleFigures): string {
  const points = sizes.flatMap(({ clicks, questions }) =>
    Object.entries(questions).map(([question, { p50 }]) => ({ clicks, question, p50 })),
  );
  return draw({
    height: 420,
    marginRight: MARGIN_FOR_LABELS,
    x: {
      type: 'log',
      label: 'clicks (a tenth as many commissions)',
      ticks: sizes.map(({ clicks }) => clicks),
      tickFormat: '~s',
    },
    y: { type: 'log', label: 'milliseconds through the gateway, median', grid: true, tickFormat: '~s' },
    marks: [
      ...curves(points, { x: 'clicks', y: 'p50', z: 'question' }),
      Plot.dot(points, { x: 'clicks', y: 'p50', fill: 'question' }),
    ],
  });
}

/** Memory of each process while it worked. */
export function plotMemory({ samples, script, profile }: LoadFigures): string {
  const points = samples.flatMap(({ seconds, memoryMb }) =>
    Object.entries(memoryMb).map(([process, mb]) => ({ minutes: seconds / 60, process, mb })),
  );
  return draw({
    height: 420,
    marginRight: MARGIN_FOR_LABELS,
    x: { label: `minutes of npm run load -- ${script} --profile ${profile}` },
    y: { label: 'MB', grid: true, zero: true },
    marks: curves(points, { x: 'minutes', y: 'mb', z: 'process' }),
  });
}

/** Every ratio over its goal: right of the line is better than it. */
export function plotSpeed({ speed }: Figures): string {
  const bars = Object.values(speed).flatMap(({ result }) =>
    result.sides.flatMap(({ name, ratio, goal }) =>
      ratio === undefined || goal === undefined || goal === 0
        ? []
        : [{ what: `${result.row} beside ${name}`, share: ratio / goal }],
    ),
  );
  return draw({
    height: 60 + bars.length * 24,
    marginLeft: 330,
    x: { type: 'log', label: 'ratio reached, as a multiple of its goal', grid: true, tickFormat: '~r' },
    y: { label: null },
    marks: [
      Plot.link(bars, {
        y: 'what',
        x1: 1,
        x2: 'share',
        strokeWidth: 8,
        stroke: (bar: { share: number }) => (bar.share >= 1 ? '#2f7d4f' : '#b4552d'),
      }),
      Plot.ruleX([1]),
    ],
  });
}
