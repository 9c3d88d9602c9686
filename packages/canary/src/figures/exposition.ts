import type { Sample } from './totals.ts';

const TIMEOUT_MS = 5_000;
const SERIES = /^(\w+)\{(.*)\} (\S+)/;
const LABEL = /(\w+)="([^"]*)"/g;

/** @throws when it does not answer in time, or not with 2xx */
export async function fetchText(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${new URL(url).origin} answered ${response.status}`);
  return text;
}

/** The series of some metrics in what a process exposes. */
export function samplesIn(text: string, metrics: ReadonlySet<string>): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, metric = '', labels = '', value = ''] = SERIES.exec(line) ?? [];
    if (!metrics.has(metric)) return [];
    const pairs = [...labels.matchAll(LABEL)].map(([, name = '', text = '']) => [name, text] as const);
    return [{ metric, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}
