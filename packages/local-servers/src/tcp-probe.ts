import { connect } from 'node:net';

const PROBE_TIMEOUT_MS = 1_000;

/** Connects to a port of 127.0.0.1, sends `request` if any, and resolves to what is answered first ('' on failure). */
export async function firstAnswer(port: number, request?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = (answer: string): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => finish(''));
    socket.once('error', () => finish(''));
    socket.once('close', () => resolve(''));
    socket.once('data', (data) => finish(data.toString('utf8')));
    if (request !== undefined) socket.once('connect', () => socket.write(request));
  });
}
