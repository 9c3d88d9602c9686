import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { TestScope } from '@tributary/testkit';
import t from 'tap';

import { followJob, pollAfterMs } from '../src/jobs/follow-job.ts';

interface Answer {
  readonly status: number;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

const admin = { email: 'admin@example.com', password: 'correct horse' };
const job = { id: 'j1', name: 'rebuild-rollups', total: 9, succeeded: 0, failed: 0, stats: {} };
const running: Answer = { status: 200, body: { ...job, status: 'running' } };
const succeeded: Answer = { status: 200, body: { ...job, status: 'succeeded', succeeded: 9 } };
const ended: Answer = { status: 401 };

/** A gateway that hands out `token-1`, `token-2` and so on, starts a job, and answers who looks at it in this order. */
async function startGateway(t: TestScope, looks: readonly Answer[]) {
  const seen: { at: number; token: string | undefined }[] = [];
  let logins = 0;
  const answerTo = (method = '', path = '', token?: string): Answer => {
    if (path === '/api/v1/auth/login')
      return { status: 200, body: { accessToken: `token-${(logins += 1)}` } };
    if (method === 'POST') return { status: 202, body: { ...job, status: 'queued' } };
    seen.push({ at: performance.now(), token });
    return looks[seen.length - 1] ?? { status: 500 };
  };
  const server = createServer(({ method, url, headers }, response) => {
    const answer = answerTo(method, url, headers.authorization);
    response.writeHead(answer.status, answer.headers).end(JSON.stringify({ data: answer.body ?? {} }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { stack: { gatewayUrl: `http://127.0.0.1:${port}`, admin }, seen, logins: () => logins };
}

const follow = async ({ stack }: Awaited<ReturnType<typeof startGateway>>) => {
  const shown: string[] = [];
  const options = { stack, name: job.name, parameters: {} };
  const last = await followJob({ ...options, onProgress: ({ status }) => shown.push(status) });
  return { last, shown };
};

t.test('a job is followed beyond the limit of requests and the end of a token', async (t) => {
  const limited: Answer = { status: 429, headers: { 'retry-after': '2' } };
  const gateway = await startGateway(t, [running, limited, ended, succeeded]);
  const { last, shown } = await follow(gateway);
  t.match(last, { status: 'succeeded', succeeded: 9 });
  t.same(shown, ['queued', 'running', 'succeeded']);
  const [, second, third] = gateway.seen;
  t.ok((third?.at ?? 0) - (second?.at ?? 0) >= 1_990, 'it came back when it was told to');
  t.same(
    gateway.seen.map(({ token }) => token),
    ['Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-2'],
  );
});

t.test('a new token that is refused, too, ends it', async (t) => {
  const gateway = await startGateway(t, [ended, ended, succeeded]);
  await t.rejects(follow(gateway), { name: 'StackFailure', message: /\/operations\/jobs\/j1 answered 401/ });
  t.equal(gateway.logins(), 2);
});

t.test('following leaves an administrator some of the 200 requests of every 15 minutes', (t) => {
  let requests = 0;
  for (let at = 0; at < 15 * 60_000; at += pollAfterMs(at)) requests += 1;
  t.ok(requests <= 175, `${requests} requests`);
  t.equal(pollAfterMs(0), 500, 'and short jobs are seen to end at once');
  t.end();
});
