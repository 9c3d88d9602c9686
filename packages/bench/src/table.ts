import type { RowResult, SideResult } from './row.ts';

/** Prints a row's sides: operations a second with their spread, CPU, and ours divided by each peer beside the goal. */
export function printRow(result: RowResult, print: (line: string) => void): void {
  print(`\n${result.row}: ${result.work} (median of ${result.rounds}, taken in turns)`);
  for (const side of result.sides) {
    const { median, min, max } = side.perSecond;
    const cpu = side.cpuMicroseconds === undefined ? '' : `, ${Math.round(side.cpuMicroseconds)} us CPU each`;
    const ratio =
      side.ratio === undefined
        ? ''
        : `; ours is ${side.ratio.toFixed(2)} x this (goal ${side.goal?.toFixed(2) ?? '-'})`;
    print(
      `  ${side.name.padEnd(28)} ${rate(median).padStart(8)}/s (${rate(min)}-${rate(max)})${cpu}${ratio}`,
    );
    for (const line of latencyLines(side)) print(`  ${' '.repeat(28)} ${line}`);
    print(`  ${' '.repeat(28)} ${side.configuration}`);
  }
}

function latencyLines({ latencyMs, latencyRatios, latencyGoals, latencyLimitMs }: SideResult): string[] {
  if (latencyMs === undefined) return [];
  return (['p50', 'p99'] as const).map((key) => {
    const ratio =
      latencyRatios === undefined
        ? ''
        : `; ours is ${latencyRatios[key].toFixed(2)} x this (goal: ${latencyGoals?.[key].toFixed(2) ?? '-'} at most)`;
    const limit = latencyLimitMs?.[key] === undefined ? '' : ` (goal: under ${latencyLimitMs[key]} ms)`;
    return `${key} ${latencyMs[key].toFixed(1)} ms${limit}${ratio}`;
  });
}

const TENTHS_BELOW = 100;

/** What happens a few times a second is not told by whole numbers. */
const rate = (value: number): string =>
  value < TENTHS_BELOW ? String(Number(value.toPrecision(3))) : Math.round(value).toLocaleString('en-GB');
