import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import t from 'tap';
import { attemptHttp } from '../src/deliveries/http-attempt.ts';
import type { AttemptResult } from '../src/deliveries/http-attempt.ts';
import { createOutboundDispatcher } from '../src/deliveries/outbound-dispatcher.ts';
import type { Resolve } from '../src/ssrf/resolve-name.ts';

async function serve(t: TestScope, listener: RequestListener) {
  const server = createServer(listener);
  let connections = 0;
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`http://127.0.0.1:${port}/hooks?x=1`), connections: () => connections };
}

function sender(t: TestScope, deadlineMs = 5_000, resolve?: Resolve): (url: URL) => Promise<AttemptResult> {
  const dispatcher = createOutboundDispatcher({
    policy: { allowLoopback: true },
    deadlineMs,
    ...(resolve === undefined ? {} : { resolve }),
  });
  t.teardown(() => dispatcher.destroy());
  return (url) =>
    attemptHttp(
      { dispatcher, deadlineMs, now: () => new Date() },
      { url, headers: { 'content-type': 'application/json' }, body: '{}' },
    );
}

t.test('2xx is success and everything else a failure with a word for it', async (t) => {
  const send = sender(t);
  for (const [status, ok] of [
    [200, true],
    [204, true],
    [299, true],
    [301, false],
    [400, false],
    [410, false],
    [503, false],
  ] as const) {
    const { url } = await serve(t, (_request, response) => response.writeHead(status).end());
    t.match(await send(url), { ok, statusCode: status, error: ok ? null : `http_${status}` });
  }
});

t.test(
  'a receiver that hangs, drips or is silent after the headers runs into one total deadline',
  async (t) => {
    const send = sender(t, 300);
    const dripping: RequestListener = (_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 50);
      response.once('close', () => clearInterval(drip));
    };
    const silent: RequestListener = (_request, response) => {
      response.writeHead(200).flushHeaders();
    };
    const listeners: RequestListener[] = [() => undefined, dripping, silent];
    for (const listener of listeners) {
      const { url } = await serve(t, listener);
      t.match(await send(url), { ok: false, error: 'timeout' });
    }
  },
);

t.test('a name that is never resolved costs its own attempts their deadline, and nobody else', async (t) => {
  const { url } = await serve(t, (_request, response) => response.end());
  const { port } = url;
  const asked: AbortSignal[] = [];
  const send = sender(t, 2_000, async (hostname, signal) => {
    if (hostname === 'partner.example') return ['127.0.0.1'];
    asked.push(signal);
    return new Promise(() => undefined);
  });
  const silent = Array.from({ length: 40 }, () => send(new URL(`http://silent.example:${port}/`)));
  t.match(await send(new URL(`http://partner.example:${port}/`)), { ok: true });
  for (const attempt of silent) t.match(await attempt, { ok: false, error: 'timeout', statusCode: null });
  t.ok(asked.length > 0);
  await waitFor(() => asked.every(({ aborted }) => aborted));
});

t.test('of a body 1 KiB is kept and no more than 64 KiB are read', async (t) => {
  let written = 0;
  const { url } = await serve(t, (_request, response) => {
    response.writeHead(200);
    const more = (): void => {
      while (written < 100_000_000 && !response.destroyed) {
        written += 16_384;
        if (!response.write('x'.repeat(16_384))) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const result = await sender(t)(url);
  t.match(result, { ok: true, statusCode: 200 });
  t.equal(result.responseExcerpt?.length, 1024);
  t.ok(written < 50_000_000, 'the connection is cut off');
});

t.test('what Postgres cannot store is taken out of an excerpt', async (t) => {
  const { url } = await serve(t, (_request, response) => response.writeHead(500).end('a\u0000b'));
  t.equal((await sender(t)(url)).responseExcerpt, 'a\uFFFDb');
});

t.test('connections are kept alive between deliveries', async (t) => {
  const { url, connections } = await serve(t, (request, response) => {
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  const send = sender(t);
  for (let i = 0; i < 20; i += 1) await send(url);
  // The next request may come a moment before undici has taken the connection back from the last one.
  t.ok(connections() <= 2, `${connections()} connections`);
});

t.test('no answer at all has a word too', async (t) => {
  const send = sender(t);
  const { url } = await serve(t, (request) => request.socket.destroy());
  t.match(await send(url), { ok: false, statusCode: null, error: 'connection_reset' });
  t.match(await send(new URL('http://127.0.0.1:1/')), { error: 'connection_refused' });
  t.match(await send(new URL('http://10.0.0.1/')), { error: 'forbidden_address', durationMs: Number });
});

t.test('retry-after is read from 429 and 503 only', async (t) => {
  const send = sender(t);
  for (const [status, expected] of [
    [429, 7],
    [503, 7],
    [500, undefined],
  ] as const) {
    const { url } = await serve(t, (_request, response) =>
      response.writeHead(status, { 'retry-after': '7' }).end(),
    );
    t.equal((await send(url)).retryAfterSeconds, expected, String(status));
  }
});
