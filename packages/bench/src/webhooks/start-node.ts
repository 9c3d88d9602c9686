import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';

import { startMeasured, type MeasuredProcess } from '../processes.ts';

/** With BENCH_PROFILE=folder every process leaves a CPU profile there when it ends. */
const PROFILE_FOLDER = process.env['BENCH_PROFILE'];

/** Starts a script of the repository as a process on a free port, ready when it says so. */
export async function startNode(
  root: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
  port?: number,
): Promise<MeasuredProcess> {
  const own = port ?? (await freePort());
  const profiling = PROFILE_FOLDER === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', PROFILE_FOLDER];
  const url = `http://127.0.0.1:${own}`;
  return startMeasured({
    name: script,
    command: [process.execPath, ...profiling, join(root, script)],
    env: { ...env, PORT: String(own) },
    url,
    readyUrl: `${url}/health/ready`,
  });
}
