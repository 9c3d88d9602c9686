// What most teams would write: a BullMQ worker that signs and posts, with fetch or with undici's request.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Agent, request } from 'undici';

import type { WebhookJob } from '../webhooks/bullmq.ts';

const CONCURRENCY = 256;
const DEADLINE_MS = 5_000;

const agent = new Agent({ keepAliveTimeout: 30_000 });
let completed = 0;

type Send = (job: WebhookJob, headers: Record<string, string>) => Promise<number>;

const withFetch: Send = async ({ url, body }, headers) => {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  await response.text();
  return response.status;
};

const withUndici: Send = async ({ url, body }, headers) => {
  const response = await request(url, {
    method: 'POST',
    body,
    headers,
    dispatcher: agent,
    headersTimeout: DEADLINE_MS,
    bodyTimeout: DEADLINE_MS,
  });
  await response.body.text();
  return response.statusCode;
};

const send = process.env['CLIENT'] === 'fetch' ? withFetch : withUndici;

async function deliver(job: WebhookJob): Promise<void> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', Buffer.from(job.secret, 'base64'))
    .update(`${job.id}.${timestamp}.${job.body}`)
    .digest('base64');
  const status = await send(job, {
    'content-type': 'application/json',
    'webhook-id': job.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  });
  if (status < 200 || status >= 300) throw new Error(`answered ${status}`);
}

const connection = new Redis(process.env['REDIS_URL'] ?? '', { maxRetriesPerRequest: null });
const worker = new Worker<WebhookJob>(process.env['QUEUE'] ?? '', ({ data }) => deliver(data), {
  connection,
  concurrency: CONCURRENCY,
});
worker.on('completed', () => (completed += 1));
worker.on('failed', (_job, error) => console.error(error));

const server = createServer(({ url }, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(url === '/completed' ? { completed } : {}));
});
server.listen(Number(process.env['PORT']), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
