import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { TestScope } from '@tributary/testkit';

/** What a proxy does to some of the requests on their way to a process. */
export interface Faults {
  /** Of a thousand requests, so many are answered 500. */
  readonly errorsPerThousand?: number;
  readonly delayMs?: number;
}

/** Stands before a real process and makes it a worse release; probes pass untouched. Answers its address. */
export async function startFaultyProxy(t: TestScope, target: string, faults: Faults): Promise<string> {
  const { errorsPerThousand = 0, delayMs = 0 } = faults;
  let seen = 0;
  const passOn = (incoming: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(incoming.url ?? '/', target);
    const outgoing = request(url, { method: incoming.method, headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.writeHead(502).end());
    incoming.pipe(outgoing);
  };
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const isProbe = /^\/(health|internal|metrics)/.test(incoming.url ?? '');
    if (isProbe) return passOn(incoming, response);
    seen += 1;
    // Evenly spread, so that the share is exact from the first hundred on.
    if ((seen * errorsPerThousand) % 1_000 < errorsPerThousand) {
      incoming.resume();
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"success":false}');
      return undefined;
    }
    await delay(delayMs);
    return passOn(incoming, response);
  };
  const server = createServer((incoming, response) => void answer(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
