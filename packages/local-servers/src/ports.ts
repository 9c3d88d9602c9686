import { randomInt } from 'node:crypto';
import { createServer, type ListenOptions } from 'node:net';

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

/**
 * Keeps a port from every other process that asks for a free one, until this process ends: seconds pass before a
 * server listens on it. The mark is a name among Linux's abstract sockets, which go with their process; elsewhere
 * there is none, and only chance keeps two processes apart.
 */
async function reserve(port: number): Promise<boolean> {
  if (handedOut.has(port)) return false;
  handedOut.add(port);
  if (process.platform !== 'linux') return true;
  const mark: ListenOptions = { path: `\0tributary-port-${port}` };
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(false));
    server.listen(mark, () => resolve(true)).unref();
  });
}

/** A TCP port of 127.0.0.1 on which nothing listens, handed out to no other process that runs. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if ((await reserve(port)) && (await isPortFree(port))) return port;
  }
}
