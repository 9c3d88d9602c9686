import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { TestScope } from './scope.ts';
import { waitFor } from './wait-for.ts';

/** A request as it arrived. */
export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  receivedAt: Date;
}

/** How to answer; `hangUp` closes the connection without an answer. */
export interface ReceiverAnswer {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  delayMs?: number;
  hangUp?: boolean;
}

type AnswerRule = ReceiverAnswer | ((request: ReceivedRequest, index: number) => ReceiverAnswer);

/** A partner's server: keeps what it gets and answers as told. */
export interface WebhookReceiver {
  url: string;
  readonly requests: readonly ReceivedRequest[];
  /** From now on; a function gets the request and its index (from 0). Default: 200 at once. */
  answerWith(rule: AnswerRule): void;
  /** Waits until this many requests have come, and returns them. */
  received(count: number, timeoutMs?: number): Promise<readonly ReceivedRequest[]>;
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

async function answer(
  response: ServerResponse,
  { status = 200, headers = {}, body = '', delayMs = 0, hangUp = false }: ReceiverAnswer,
): Promise<void> {
  // Unreferenced, so that an answer nobody waits for any more does not keep the test file running.
  if (delayMs > 0) await delay(delayMs, undefined, { ref: false });
  if (hangUp) response.destroy();
  else response.writeHead(status, headers).end(body);
}

/** Starts a receiver on a free port of 127.0.0.1; it goes with the scope. */
export async function createWebhookReceiver(t: TestScope): Promise<WebhookReceiver> {
  const requests: ReceivedRequest[] = [];
  let rule: AnswerRule = {};
  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(message);
    const { method = '', url = '', headers } = message;
    const request = { method, path: url, headers, body, receivedAt: new Date() };
    const index = requests.push(request) - 1;
    await answer(response, typeof rule === 'function' ? rule(request, index) : rule);
  };
  const server = createServer((message, response) => {
    handle(message, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    requests,
    answerWith: (next) => (rule = next),
    received: async (count, timeoutMs = 10_000) =>
      waitFor(() => requests.length >= count && requests, {
        timeoutMs,
        what: `${count} requests (${requests.length} came)`,
      }),
  };
}
