import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { createHealth, createLogger, createMetrics } from '@tributary/runtime';
import t from 'tap';
import { z } from 'zod';
import { buildServiceApp, ok, success } from '../src/index.ts';
import { as, signing } from './harness.ts';

const WHOLE_MS = 600;
const STANDSTILL_MS = 1_000;

const received = z.object({ bytes: z.number() });

async function startReceiver(scope: { teardown(release: () => unknown): void }) {
  const service = signing.service;
  const app = await buildServiceApp({
    service,
    logger: createLogger({ service, level: 'silent' }),
    metrics: createMetrics({ service }),
    health: createHealth({ checks: {} }),
    identityKey: signing.key,
    requestTimeoutMs: WHOLE_MS,
    standstillMs: STANDSTILL_MS,
  });
  app.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload));
  const config = { operationId: 'take', summary: 'Take', scope: 'authenticated' } as const;
  const count = async (body: unknown): Promise<number> => {
    let bytes = 0;
    if (body instanceof Readable) for await (const piece of body) bytes += (piece as Buffer).length;
    return bytes;
  };
  for (const streamsBody of [true, false]) {
    app.route({
      method: 'POST',
      url: streamsBody ? '/files' : '/things',
      schema: { body: z.unknown(), response: { 200: success(received) } },
      config: { ...config, operationId: streamsBody ? 'takeFile' : 'takeThing', streamsBody },
      handler: async ({ body }) => ok({ bytes: await count(body) }),
    });
  }
  await app.listen({ port: 0, host: '127.0.0.1' });
  scope.teardown(() => app.close());
  return (app.server.address() as AddressInfo).port;
}

/** Sends pieces at a pace, and ends the body after the last unless it is to stand still. */
async function send(
  port: number,
  path: string,
  { pieces, everyMs, ends }: { pieces: readonly string[]; everyMs: number; ends: boolean },
): Promise<{ status: number; body: string }> {
  const headers = { ...as(), 'content-type': 'text/csv', 'transfer-encoding': 'chunked' };
  const outgoing = httpRequest({ port, path, method: 'POST', headers, agent: false });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  let isAnswered = false;
  answered.then(
    () => (isAnswered = true),
    () => (isAnswered = true),
  );
  for (const piece of pieces) {
    if (isAnswered) break;
    outgoing.write(piece);
    await pause(everyMs);
  }
  if (ends) outgoing.end();
  const answer = await answered;
  let body = '';
  for await (const part of answer) body += String(part);
  return { status: answer.statusCode ?? 0, body };
}

const large = 'x'.repeat(2_048);

t.test('a file may take longer than a request, as long as it keeps coming', async (t) => {
  const port = await startReceiver(t);
  const pieces = Array.from({ length: 15 }, () => large);
  const { status, body } = await send(port, '/files', { pieces, everyMs: 200, ends: true });
  t.equal(status, 200);
  t.match(JSON.parse(body), { data: { bytes: 15 * large.length } });
});

t.test('a body that drips, and a file that stands still or drips, are ended', async (t) => {
  const port = await startReceiver(t);
  const drops = Array.from({ length: 200 }, () => 'x');
  const [thing, still, dripping] = await Promise.all([
    send(port, '/things', { pieces: drops, everyMs: 50, ends: true }),
    send(port, '/files', { pieces: [large], everyMs: 0, ends: false }),
    send(port, '/files', { pieces: drops, everyMs: 50, ends: true }),
  ]);
  t.match([thing, still, dripping], [{ status: 400 }, { status: 400 }, { status: 400 }]);
});
