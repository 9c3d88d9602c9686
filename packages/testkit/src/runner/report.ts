import type { FileResult } from './run-file.ts';

const OUTPUT_TAIL_CHARS = 6_000;

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

/** The lines for one finished file: one when it passed, everything that helps when it did not. */
export function reportFile(result: FileResult): string {
  const counts = [`${result.passed} passed`];
  if (result.failed > 0) counts.push(`${result.failed} failed`);
  if (result.skipped > 0) counts.push(`${result.skipped} skipped`);
  const mark = result.failed > 0 ? '✖' : '✔';
  const head = `${mark} ${result.file}  ${counts.join(', ')}  ${Math.round(result.durationMs)} ms`;
  if (result.failed === 0) return head;
  const failures = result.failures.map(({ test, detail }) => `  ✖ ${test}\n${indent(detail)}`);
  const output =
    result.output.trim() === '' ? [] : [`  It printed:\n${indent(result.output.slice(-OUTPUT_TAIL_CHARS))}`];
  return ['', head, ...failures, ...output, ''].join('\n');
}

/** The closing lines; the last is always `N passed, N failed`. */
export function reportEnd(results: readonly FileResult[], seconds: number): string {
  const sum = (pick: (result: FileResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  const failedFiles = results.filter((result) => result.failed > 0).map((result) => `  ✖ ${result.file}`);
  const failed = failedFiles.length === 0 ? [] : ['Failed:', ...failedFiles];
  const skipped = sum((result) => result.skipped);
  return [
    '',
    ...failed,
    `${results.length} files in ${seconds.toFixed(1)} s${skipped > 0 ? `, ${skipped} tests skipped` : ''}`,
    `${sum((result) => result.passed)} passed, ${sum((result) => result.failed)} failed`,
  ].join('\n');
}
