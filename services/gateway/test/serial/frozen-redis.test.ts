import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor, type TestScope } from '@tributary/testkit';
import { Redis } from 'ioredis';
import t from 'tap';
import { asService, call, echo, insertUser, listen, PASSWORD, startGateway } from '../gateway-under-test.ts';

/** A Redis of its own, which the test may freeze. */
async function startPrivateRedis(t: TestScope) {
  const folder = await mkdtemp(join(tmpdir(), 'frozen-redis-'));
  const url = join(folder, 'redis.sock');
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', url, '--save', ''], {
    stdio: 'ignore',
  });
  t.teardown(() => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    return rm(folder, { recursive: true });
  });
  const probe = new Redis(url);
  probe.on('error', () => undefined);
  await waitFor(async () => (await probe.ping()) === 'PONG', { what: 'the private Redis' });
  probe.disconnect();
  return { url, child };
}

const upstream = await listen(t, asService(echo));
const redis = await startPrivateRedis(t);
const gateway = await startGateway(t, {
  upstreams: { 'echo-service': upstream.url },
  redisUrl: redis.url,
  limits: { public: 6, admin: 100, partner: 100, apiKey: 100 },
});
await insertUser(gateway.database, { email: 'ada@example.com' });
const open = () => call(gateway, '/api/v1/open');
const login = () =>
  call(gateway, '/api/v1/auth/login', { body: { email: 'ada@example.com', password: PASSWORD } });

t.test('a frozen Redis: requests go on, the limit still holds, logging in fails closed', async (t) => {
  t.equal((await open()).status, 200);
  redis.child.kill('SIGSTOP');
  const answers = [];
  for (let sent = 0; sent < 7; sent += 1) answers.push((await open()).status);
  t.strictSame(answers, [200, 200, 200, 200, 200, 429, 429]);
  t.match(await gateway.metrics.expose(), /rate_limit_decisions_total\{[^}]*outcome="local"/);
  const refused = await login();
  t.match(refused.body, { status: 503, code: 'LOGIN_UNAVAILABLE' });
  redis.child.kill('SIGCONT');
  await waitFor(async () => (await login()).status === 200, { what: 'logins to work again' });
});

t.test('a killed Redis: the same', async (t) => {
  redis.child.kill('SIGKILL');
  await waitFor(() => gateway.redis.status !== 'ready');
  const { status } = await call(gateway, '/api/v1/echo', { token: 'wrong' });
  t.ok(status === 401 || status === 429);
  t.match((await login()).body, { status: 503, code: 'LOGIN_UNAVAILABLE' });
});
