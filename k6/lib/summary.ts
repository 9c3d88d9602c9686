import { OPERATIONS } from './profiles.ts';
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
  /** For how long the most users were there, where a script has such a time. */
  readonly plateauSeconds?: number;
}

/** The table on the terminal, and everything in the file. */
export function writeSummary({ summaryFile }: Settings, data: SummaryData): Record<string, string> {
  return { stdout: `${describe(data)}\n`, [summaryFile]: `${JSON.stringify(data, null, 2)}\n` };
}

function describe({ metrics, state, plateauSeconds }: SummaryData): string {
  const of = (tag: string): Metric | undefined => metrics[`http_req_duration{${tag}}`];
  const all = of('stage:load');
  const rows: (readonly [string, Metric | undefined])[] = [
    ['all', all],
    ['plateau', of('phase:plateau')],
    ['recovery', of('phase:recovery')],
    ...OPERATIONS.map((operation) => [operation, of(`operation:${operation}`)] as const),
  ];
  const latencies = rows.flatMap(([name, metric]) =>
    metric === undefined ? [] : [latencyLine(name, metric)],
  );
  const missed = Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds)
      .filter(([, { ok }]) => !ok)
      .map(([threshold]) => `  MISSED ${name}: ${threshold}`),
  );
  return [
    '',
    `${all?.values['count'] ?? 0} requests in ${Math.round(state.testRunDurationMs / 1_000)} s; milliseconds:`,
    `  ${'operation'.padEnd(12)}${['count', 'p50', 'p95', 'p99', 'max'].map((head) => head.padStart(9)).join('')}`,
    ...latencies,
    ...(plateauSeconds === undefined
      ? []
      : [
          `  ${Math.round((of('phase:plateau')?.values['count'] ?? 0) / plateauSeconds)} a second in the plateau`,
        ]),
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
