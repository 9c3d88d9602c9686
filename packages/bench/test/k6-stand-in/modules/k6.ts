import { counters } from './k6-metrics.ts';

/** Counts as k6 does, and says which answer was not the wanted one: in a test that is what one wants to know. */
export function check(
  subject: { status: number; body: string; url: string },
  tests: Record<string, () => boolean>,
): boolean {
  const failed = Object.entries(tests).filter(([, holds]) => !holds());
  for (const [name] of failed)
    console.error(`${name}: not by ${subject.status} ${subject.body} (${subject.url})`);
  counters['failed_checks'] = (counters['failed_checks'] ?? 0) + failed.length;
  return failed.length === 0;
}

/** Nobody is kept waiting here. */
export function sleep(): void {}
