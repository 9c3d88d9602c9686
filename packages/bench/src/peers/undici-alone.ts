// Signs and posts with undici's request as fast as it goes: nothing scheduled, nothing stored. POST /run?count=N&url=U
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { Agent, request } from 'undici';

import { webhookBody } from '../webhooks/webhook-body.ts';

const CONCURRENCY = 256;
const agent = new Agent({ keepAliveTimeout: 30_000 });
const key = randomBytes(32);
const body = webhookBody(randomUUID());

async function deliver(url: string): Promise<void> {
  const id = randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const response = await request(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    dispatcher: agent,
  });
  await response.body.text();
  if (response.statusCode >= 300) throw new Error(`answered ${response.statusCode}`);
}

/** Posts for so many milliseconds; answers how many were answered. */
async function run(url: string, forMs: number): Promise<number> {
  const until = performance.now() + forMs;
  let delivered = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      await deliver(url);
      delivered += 1;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return delivered;
}

const server = createServer((incoming, response) => {
  const { pathname, searchParams } = new URL(incoming.url ?? '', 'http://127.0.0.1');
  response.setHeader('content-type', 'application/json');
  if (pathname !== '/run') {
    response.end('{}');
    return;
  }
  run(searchParams.get('url') ?? '', Number(searchParams.get('ms'))).then(
    (delivered) => response.end(JSON.stringify({ delivered })),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.listen(Number(process.env['PORT']), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
