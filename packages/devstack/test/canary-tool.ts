import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type t from 'tap';

const CLI = join(import.meta.dirname, '../../canary/src/cli.ts');
const READERS = 4;

export interface CanaryRun {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Starts `npm run canary -- SERVICE ...` against a platform. `output` is what it has printed so far. */
export function startCanary(
  { toolEnvironment }: { readonly toolEnvironment: Readonly<Record<string, string>> },
  service: string,
  args: readonly string[],
) {
  const child = spawn(process.execPath, [CLI, service, ...args], {
    env: { PATH: process.env['PATH'], ...toolEnvironment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const ended = new Promise<CanaryRun>((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
  return { child, ended, output: () => output };
}

/** Asks again and again until the test ends; answers what the requests were answered, by status. */
export function keepAsking(test: typeof t, ask: () => Promise<number>): Map<number, number> {
  const statuses = new Map<number, number>();
  const stopped = new AbortController();
  const readers = Array.from({ length: READERS }, async () => {
    while (!stopped.signal.aborted) {
      const status = await ask();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await delay(5);
    }
  });
  test.teardown(async () => {
    stopped.abort();
    await Promise.all(readers);
  });
  return statuses;
}
