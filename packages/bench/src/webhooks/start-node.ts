import { join } from 'node:path';

import { freePort } from '@tributary/local-servers';

import { startMeasured, type MeasuredProcess } from '../processes.ts';

/** Starts a script of the repository as a process on a free port, ready when it says so. */
export async function startNode(
  root: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
  port?: number,
): Promise<MeasuredProcess> {
  const own = port ?? (await freePort());
  const url = `http://127.0.0.1:${own}`;
  return startMeasured({
    name: script,
    command: [process.execPath, join(root, script)],
    env: { ...env, PORT: String(own) },
    url,
    readyUrl: `${url}/health/ready`,
  });
}
