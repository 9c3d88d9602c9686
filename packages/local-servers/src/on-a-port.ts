import { portTaken, ServerStartError } from './failures.ts';
import { freePort, isPortFree } from './ports.ts';

const ATTEMPTS = 5;

/**
 * Runs `start` on the given port, or on a free one. A port given by the caller is checked first, because a server that
 * answers there already could be mistaken for ours; a free port that was snatched away meanwhile is chosen anew.
 */
export async function onAPort<T>(
  server: string,
  port: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  if (port !== undefined) {
    if (!(await isPortFree(port))) throw portTaken(server, port);
    return start(port);
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const retry = error instanceof ServerStartError && error.failure === 'port_taken' && attempt < ATTEMPTS;
      if (!retry) throw error;
    }
  }
}
