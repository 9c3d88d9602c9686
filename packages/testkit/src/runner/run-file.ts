import { resolve } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

/** What came of one test file. */
export interface FileResult {
  file: string;
  passed: number;
  skipped: number;
  durationMs: number;
  /** One text per failure, complete with diff and stack. */
  failures: { test: string; detail: string }[];
  failed: number;
  /** What the file printed, shown when it failed. */
  output: string;
}

/** tap ends a file itself after this time (seconds); the runner's own limit is for a file that never reaches tap. */
const FILE_TIMEOUT_S = 420;

interface TestEvent {
  name: string;
  nesting: number;
  skip?: unknown;
  todo?: unknown;
  details?: { error?: Error; duration_ms?: number };
}

interface Progress {
  /** Names of the tests around the one that is running. */
  around: string[];
  /** Tests of the file that have ended, the file as a whole not counted. */
  ended: number;
}

function describeError(error: Error | undefined): string {
  const cause = error?.cause ?? error;
  return typeof cause === 'string' ? cause : inspect(cause, { depth: 4 });
}

function failureType(error: Error | undefined): unknown {
  return error !== undefined && 'failureType' in error ? error.failureType : undefined;
}

function recordFailure(result: FileResult, progress: Progress, event: TestEvent): void {
  const { error } = event.details ?? {};
  // A test that failed because something in it did was told of already.
  if (failureType(error) === 'subtestsFailed') return;
  const names = [...progress.around.slice(0, event.nesting), event.name];
  result.failures.push({ test: names.join(' > '), detail: describeError(error) });
}

function recordEnd(result: FileResult, progress: Progress, type: string, event: TestEvent): void {
  const isFile = event.name === resolve(result.file);
  if (isFile) {
    result.durationMs = event.details?.duration_ms ?? 0;
    const unexplained = result.failures.length === 0;
    if (type === 'test:fail' && unexplained)
      result.failures.push({ test: 'the file itself', detail: describeError(event.details?.error) });
    if (type === 'test:fail' && result.failed === 0) result.failed = 1;
    return;
  }
  progress.ended += 1;
  if (type === 'test:fail') recordFailure(result, progress, event);
  // Whatever its place: tap reports what is skipped one level too deep.
  if (event.skip !== undefined || event.todo !== undefined) {
    result.skipped += 1;
    return;
  }
  if (event.nesting > 0) return;
  if (type === 'test:pass') result.passed += 1;
  else result.failed += 1;
}

/** Runs one test file in a process of its own. Tests are counted at the top level of the file. */
export async function runFile(root: string, file: string, signal: AbortSignal): Promise<FileResult> {
  const path = resolve(root, file);
  const result: FileResult = {
    file: path,
    passed: 0,
    skipped: 0,
    failed: 0,
    durationMs: 0,
    failures: [],
    output: '',
  };
  const progress: Progress = { around: [], ended: 0 };
  const startedAt = Date.now();
  const events = run({ files: [path], concurrency: 1, signal, timeout: FILE_TIMEOUT_S * 2_000, cwd: root });
  for await (const { type, data } of events) {
    if (type === 'test:start') progress.around[data.nesting] = data.name;
    if (type === 'test:stdout' || type === 'test:stderr') result.output += data.message;
    if (type === 'test:pass' || type === 'test:fail') recordEnd(result, progress, type, data);
  }
  if (progress.ended === 0 && result.failed === 0) {
    result.failed = 1;
    result.failures.push({ test: 'the file itself', detail: 'It ran no test.' });
  }
  return { ...result, file, durationMs: result.durationMs || Date.now() - startedAt };
}

/** Environment that every test process gets. */
export const TEST_PROCESS_ENV = { TAP_TIMEOUT: String(FILE_TIMEOUT_S), NODE_ENV: 'test' };
