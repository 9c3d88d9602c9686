import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Webhook } from 'standardwebhooks';
import { z } from 'zod';

import { messageOf } from '../failure.ts';
import type { StackFile } from '../home/stack-file.ts';
import { createOwnEndpoint, type OwnEndpoint } from './own-endpoint.ts';

export interface ListenOptions {
  readonly stack: Pick<StackFile, 'gatewayUrl' | 'partner'>;
  readonly print: (line: string) => void;
}

export interface WebhookListener {
  readonly url: string;
  readonly endpointId: string;
  /** Removes the endpoint and closes the receiver. */
  stop(): Promise<void>;
}

const payloadSchema = z.object({
  id: z.string(),
  type: z.string(),
  timestamp: z.string(),
  data: z.unknown(),
});
const BODY_LIMIT_BYTES = 1024 * 1024;

/**
 * Receives what the running stack sends to its demonstration partner: makes itself an endpoint through the API, verifies
 * each request with the reference library and prints it. What does not verify is answered 401, as a receiver should.
 */
export async function listenForWebhooks({ stack, print }: ListenOptions): Promise<WebhookListener> {
  let verifier: Webhook | undefined;
  const server = createServer((request, response) => {
    receive(request, response).catch((error: unknown) => {
      print(`a request was not received whole: ${String(error)}`);
      response.destroy();
    });
  });

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const lines = describe(request, body, verifier);
    response.writeHead(lines.isVerified ? 204 : 401).end();
    for (const line of lines.text) print(line);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/webhooks`;
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  let made: OwnEndpoint | undefined;
  try {
    const endpoint = await createOwnEndpoint(stack, url);
    made = endpoint;
    verifier = new Webhook(endpoint.secret);
    print(`Listening at ${url} as endpoint ${endpoint.id}; a test event comes first.`);
    await endpoint.sendTest();
    const stop = async (): Promise<void> => {
      await Promise.all([endpoint.remove(), close()]);
    };
    return { url, endpointId: endpoint.id, stop };
  } catch (error) {
    // What would stay is an endpoint that is sent everything, at a port where nobody listens.
    if (made !== undefined) await removeOrTell(made, print);
    await close();
    throw error;
  }
}

async function removeOrTell(endpoint: OwnEndpoint, print: ListenOptions['print']): Promise<void> {
  try {
    await endpoint.remove();
  } catch (error) {
    print(`Endpoint ${endpoint.id} could not be removed: ${messageOf(error)}`);
  }
}

interface Described {
  readonly isVerified: boolean;
  readonly text: readonly string[];
}

function describe(request: IncomingMessage, body: string, verifier: Webhook | undefined): Described {
  const id = String(request.headers['webhook-id'] ?? 'without webhook-id');
  const at = new Date().toISOString().slice(11, 23);
  try {
    if (verifier === undefined) throw new Error('the secret is not known yet');
    const verified = verifier.verify(body, headersOf(request));
    const { type, timestamp, data } = payloadSchema.parse(verified);
    return {
      isVerified: true,
      text: [`${at}  ${type}  ${id}  verified  happened ${timestamp}`, `  ${JSON.stringify(data)}`],
    };
  } catch (error) {
    return { isVerified: false, text: [`${at}  NOT VERIFIED  ${id}  ${messageOf(error)}`] };
  }
}

const headersOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > BODY_LIMIT_BYTES) throw new Error('its body is over 1 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
