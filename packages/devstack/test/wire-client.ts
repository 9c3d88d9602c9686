import { Agent, request } from 'node:http';

import type { WireAnswer } from './documented-answers.ts';

export interface WireRequest {
  readonly method: string;
  /** Exactly as it goes over the wire: `fetch` would tidy it up. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly bytes: Buffer };
}

export type Send = (request: WireRequest) => Promise<WireAnswer>;

/** JSON as a body; text as it is, so that it may be none. */
export const jsonBody = (value: unknown) => ({
  type: 'application/json',
  bytes: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
});

/** Sends what no well-behaved client would, over a few connections that stay open. */
export function wireClient(
  scope: { teardown(release: () => void): void },
  gatewayUrl: string,
  token: string,
): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  scope.teardown(() => agent.destroy());
  const { hostname, port } = new URL(gatewayUrl);
  return ({ method, path, headers, body }) =>
    new Promise((resolve, reject) => {
      const sent = request({
        hostname,
        port,
        method,
        path,
        agent,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': body.bytes.length }),
          ...headers,
        },
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString(),
          }),
        );
      });
      sent.end(body?.bytes);
    });
}

const AT_ONCE = 8;

/** Runs `work` over all items, a few at a time, and answers what it found wrong. */
export async function faultsAmong<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<string | undefined>,
): Promise<string[]> {
  const waiting = items.values();
  const faults: string[] = [];
  const lane = async (): Promise<void> => {
    for (const item of waiting) {
      const fault = await work(item);
      if (fault !== undefined) faults.push(fault);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return faults;
}
