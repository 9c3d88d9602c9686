import { spawn } from 'node:child_process';
import { join } from 'node:path';

import type { Servers } from './connect-platform.ts';
import type { Rollout, RouteWeight } from './routing.ts';

/** A process apart that puts the stable release back when this one is killed. */
export interface Guardian {
  /** The weights are where they belong: it has nothing to do any more. */
  dismiss(): void;
}

/** Starts a guardian; it notices the end of this process by the end of its standard input. */
export function startGuardian(task: {
  readonly servers: Servers;
  readonly rollout: Rollout;
  readonly weights: readonly RouteWeight[];
}): Guardian {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'guardian.ts')], {
    // A session of its own: what ends a terminal's processes does not end it.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify(task)}
`);
  child.unref();
  return { dismiss: () => child.stdin.end('done\n') };
}
