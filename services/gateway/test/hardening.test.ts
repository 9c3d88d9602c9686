import { connect } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { waitFor, type TestScope } from '@tributary/testkit';
import t from 'tap';
import { asService, call, echo, listen, startGateway, type TestSettings } from './gateway-under-test.ts';

async function before(t: TestScope, settings: TestSettings = {}) {
  const asked: string[] = [];
  const upstream = await listen(
    t,
    asService((request: IncomingMessage, response: ServerResponse) => {
      asked.push(request.url ?? '');
      echo(request, response);
    }),
  );
  const gateway = await startGateway(t, { upstreams: { 'echo-service': upstream.url }, ...settings });
  return { ...gateway, asked };
}

/** Sends bytes as they are; what comes back until the other side is done, or has answered one whole request. */
async function sendRaw(url: string, bytes: string | Buffer): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

const head = (target: string, ...lines: string[]) =>
  `GET ${target} HTTP/1.1\r\nhost: gateway\r\n${lines.map((line) => `${line}\r\n`).join('')}connection: close\r\n\r\n`;

t.test('more headers than anybody needs are refused before a service hears of them', async (t) => {
  const { url, asked } = await before(t);
  const bombs = {
    'one of 64 KiB': head('/api/v1/open', `x-bomb: ${'a'.repeat(65_536)}`),
    'thousands of small ones': head('/api/v1/open', ...Array.from({ length: 5_000 }, (_, n) => `x-${n}: 1`)),
    'a cookie of 32 KiB': head('/api/v1/open', `cookie: ${'a=b; '.repeat(6_600)}`),
    'an address of 64 KiB': head(`/api/v1/open?${'a'.repeat(65_536)}`),
  };
  for (const [name, bytes] of Object.entries(bombs)) {
    const answer = await sendRaw(url, bytes);
    t.match(answer, /^HTTP\/1\.1 431 [^]*application\/problem\+json[^]*HEADERS_TOO_LARGE/, name);
  }
  t.same(asked, []);
});

t.test('what is not HTTP, or is two requests to two readers, is a 400 problem', async (t) => {
  const { url, asked } = await before(t);
  const post = (...lines: string[]) =>
    `POST /api/v1/open HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n${lines.join('\r\n')}\r\n\r\n`;
  const wrong = {
    noise: '\u0000\u0001\u0002\r\n\r\n',
    'TLS to a plain port': Buffer.from('1603010200010001fc0303', 'hex'),
    'a NUL in a header': head('/api/v1/open', 'x-a: b\u0000c'),
    'a NUL in the address': head('/api/v1/open?\u0000'),
    'two lengths': `${post('content-length: 2', 'content-length: 3')}{}`,
    'a length and chunks': `${post('content-length: 2', 'transfer-encoding: chunked')}0\r\n\r\n`,
    'chunks in disguise': `${post('transfer-encoding: xchunked')}0\r\n\r\n`,
    'a length below zero': `${post('content-length: -2')}{}`,
    'a folded header': head('/api/v1/open', 'x-a: b', ' content-length: 5'),
    'a space before the colon': head('/api/v1/open', 'content-length : 5'),
  };
  for (const [name, bytes] of Object.entries(wrong)) {
    asked.length = 0;
    t.match(await sendRaw(url, bytes), /^HTTP\/1\.1 400 [^]*VALIDATION_ERROR/, name);
    t.same(asked, [], `no service heard of ${name}`);
  }
});

t.test('the head of a request has ten seconds, which the drill idle-sockets waits for', async (t) => {
  const { gateway } = await before(t);
  t.equal(gateway.app.server.headersTimeout, 10_000);
});

t.test('sockets that say nothing keep nobody from being answered', async (t) => {
  const gateway = await before(t);
  const idle = Array.from({ length: 300 }, () => connect(Number(new URL(gateway.url).port), '127.0.0.1'));
  for (const socket of idle) socket.write('GET /api/v1/open HTTP/1.1\r\nx-drip: ');
  await waitFor(
    () => new Promise((resolve) => gateway.gateway.app.server.getConnections((_, n) => resolve(n >= 300))),
    { what: 'all sockets' },
  );
  t.equal((await call(gateway, '/api/v1/open')).status, 200);
  for (const socket of idle) socket.destroy();
});

t.test('a client that drips does not keep the gateway from ending', async (t) => {
  const { url, gateway } = await before(t);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  socket.write('GET /api/v1/open HTTP/1.1\r\nx-drip: ');
  const { server } = gateway.app;
  await waitFor(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count > 0))));
  await gateway.app.close();
  await closed;
  t.notOk(server.listening);
});

t.test('only pages from listed origins may read answers', async (t) => {
  const gateway = await before(t, { corsOrigins: ['https://admin.example'] });
  const from = async (origin: string, method = 'GET') => {
    const { headers } = await call(gateway, '/api/v1/open', {
      method,
      headers: { origin, ...(method === 'OPTIONS' ? { 'access-control-request-method': 'POST' } : {}) },
    });
    return headers.get('access-control-allow-origin');
  };
  t.equal(await from('https://admin.example'), 'https://admin.example');
  t.equal(await from('https://admin.example', 'OPTIONS'), 'https://admin.example');
  for (const origin of [
    'https://evil.example',
    'https://admin.example.evil.example',
    'http://admin.example',
    'https://admin.example:8443',
    'null',
  ]) {
    t.equal(await from(origin), null, origin);
    t.equal(await from(origin, 'OPTIONS'), null, `${origin}, asked before`);
  }
});

t.test('without a list no origin may read anything', async (t) => {
  const gateway = await before(t);
  const { headers } = await call(gateway, '/api/v1/open', { headers: { origin: 'https://admin.example' } });
  t.equal(headers.get('access-control-allow-origin'), null);
});
