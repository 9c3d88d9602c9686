import type { Settings } from './settings.ts';

interface Metric {
  readonly type: string;
  readonly contains: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** What k6 hands to handleSummary. */
export interface SummaryData {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly state: { readonly testRunDurationMs: number };
}

/** The table on the terminal, and everything in the file. */
export function writeSummary({ summaryFile }: Settings, data: SummaryData): Record<string, string> {
  return { stdout: `${describe(data)}\n`, [summaryFile]: `${JSON.stringify(data, null, 2)}\n` };
}

function describe({ metrics, state }: SummaryData): string {
  const requests = metrics['http_reqs']?.values['count'] ?? 0;
  const seconds = state.testRunDurationMs / 1_000;
  const latencies = Object.entries(metrics).flatMap(([name, metric]) => {
    const operation = /^http_req_duration\{operation:(\w+)\}$/.exec(name)?.[1];
    if (name !== 'http_req_duration' && operation === undefined) return [];
    return [latencyLine(operation ?? 'all', metric)];
  });
  const missed = Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds)
      .filter(([, { ok }]) => !ok)
      .map(([threshold]) => `  MISSED ${name}: ${threshold}`),
  );
  return [
    '',
    `${requests} requests in ${Math.round(seconds)} s; milliseconds:`,
    `  ${'operation'.padEnd(12)}${['count', 'p50', 'p95', 'p99', 'max'].map((head) => head.padStart(9)).join('')}`,
    ...latencies,
    ...(missed.length === 0 ? ['  every threshold is met'] : missed),
  ].join('\n');
}

function latencyLine(name: string, { values }: Metric): string {
  const columns = ['count', 'med', 'p(95)', 'p(99)', 'max'].map((key) => {
    const value = values[key] ?? 0;
    return (key === 'count' ? String(value) : value.toFixed(1)).padStart(9);
  });
  return `  ${name.padEnd(12)}${columns.join('')}`;
}
