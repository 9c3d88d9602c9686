import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which kernels take source ports of outgoing connections (32768 on Linux, 49152 on macOS):
// a port from that range may be in use by a client connection when a server comes back to it after a crash.
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;

const handedOut = new Set<number>();

/** Whether nothing listens on this port of 127.0.0.1. */
export async function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A TCP port of 127.0.0.1 on which nothing listens, never the same one twice in this process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (handedOut.has(port)) continue;
    if (await isPortFree(port)) {
      handedOut.add(port);
      return port;
    }
  }
}
