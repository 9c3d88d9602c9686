import type { RowResult } from './row.ts';

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
      `  ${side.name.padEnd(28)} ${whole(median).padStart(8)}/s (${whole(min)}-${whole(max)})${cpu}${ratio}`,
    );
    print(`  ${' '.repeat(28)} ${side.configuration}`);
  }
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-GB');
