/** One series of a scrape. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with all its series; those of a histogram's buckets, sum and count belong to the histogram. */
export interface ExposedMetric {
  readonly type: string;
  readonly series: readonly (Series & { readonly name: string })[];
}

const TYPE_LINE = /^# TYPE (\S+) (\S+)$/;
const SERIES_LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
const HISTOGRAM_SUFFIX = /_(bucket|sum|count)$/;

/** Reads the text that a process answers to a scrape. */
export function parseExposition(text: string): Map<string, ExposedMetric> {
  const metrics = new Map<string, { type: string; series: (Series & { name: string })[] }>();
  for (const line of text.split('\n')) {
    const type = TYPE_LINE.exec(line);
    if (type !== null) metrics.set(type[1] ?? '', { type: type[2] ?? '', series: [] });
    const found = line.startsWith('#') ? null : SERIES_LINE.exec(line);
    if (found === null) continue;
    const [, name = '', labels = '', value = ''] = found;
    const owner = metrics.get(name) ?? metrics.get(name.replace(HISTOGRAM_SUFFIX, ''));
    owner?.series.push({ name, labels: readLabels(labels), value: toNumber(value) });
  }
  return metrics;
}

function readLabels(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name = '', value = '']) => [name, value]));
}

/** `+Inf` and `NaN` are numbers of the format. */
function toNumber(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}
