import { availableParallelism } from 'node:os';
import { stripVTControlCharacters } from 'node:util';

import { PROJECT_HOME, PROJECT_ROOT } from './project.ts';
import { findTestFiles } from './runner/find-test-files.ts';
import { reportEnd, reportFile } from './runner/report.ts';
import { type FileResult, runFile, TEST_PROCESS_ENV } from './runner/run-file.ts';
import { startTestServers } from './runner/test-servers.ts';

// Tests wait for servers more than they compute, so there is room for a few more than there are cores.
const CONCURRENCY = Math.min(8, availableParallelism() + 2);

const stopping = new AbortController();

/** Diffs come in colour, whoever reads them. */
const readable = process.stdout.isTTY ? (text: string) => text : stripVTControlCharacters;

async function runFiles(files: readonly string[], concurrency: number): Promise<FileResult[]> {
  const queue = [...files];
  const results: FileResult[] = [];
  const lane = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined && !stopping.signal.aborted; file = queue.shift()) {
      const result = await runFile(PROJECT_ROOT, file, stopping.signal);
      results.push(result);
      if (!stopping.signal.aborted) console.log(readable(reportFile(result)));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return results;
}

async function runAll(given: readonly string[]): Promise<boolean> {
  const startedAt = Date.now();
  const { parallel, serial } = findTestFiles(PROJECT_ROOT, given);
  const servers = await startTestServers(PROJECT_HOME, (line) => console.log(line));
  try {
    Object.assign(process.env, servers.env, TEST_PROCESS_ENV);
    const results = [...(await runFiles(parallel, CONCURRENCY)), ...(await runFiles(serial, 1))];
    if (stopping.signal.aborted) return false;
    console.log(reportEnd(results, (Date.now() - startedAt) / 1_000));
    return results.every((result) => result.failed === 0);
  } finally {
    await servers.stop();
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

let passed = false;
try {
  passed = await runAll(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log('0 passed, 1 failed');
}
// Handles that a test runner leaves behind must not keep a finished run from ending.
process.exit(stopping.signal.aborted ? 130 : passed ? 0 : 1);
