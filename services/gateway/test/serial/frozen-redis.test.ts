import { startOwnRedis, waitFor } from '@tributary/testkit';
import t from 'tap';
import { asService, call, echo, insertUser, listen, PASSWORD, startGateway } from '../gateway-under-test.ts';

const upstream = await listen(t, asService(echo));
const redis = await startOwnRedis(t);
const gateway = await startGateway(t, {
  upstreams: { 'echo-service': upstream.url },
  redisUrl: redis.url,
  limits: { public: 6, admin: 100, partner: 100, apiKey: 100 },
});
await insertUser(gateway.database, { email: 'ada@example.com' });
const open = () => call(gateway, '/api/v1/open');
const countOf = async (limiter: string, outcome: string) => {
  const line = new RegExp(
    `^rate_limit_decisions_total\\{.*limiter="${limiter}",outcome="${outcome}"[^}]*\\} (\\d+)$`,
    'm',
  );
  return Number(line.exec(await gateway.metrics.expose())?.[1] ?? 0);
};
const login = () =>
  call(gateway, '/api/v1/auth/login', { body: { email: 'ada@example.com', password: PASSWORD } });

t.test('a frozen Redis: requests go on, the limit still holds, logging in fails closed', async (t) => {
  t.equal((await open()).status, 200);
  redis.freeze();
  const answers = [];
  for (let sent = 0; sent < 7; sent += 1) answers.push((await open()).status);
  t.strictSame(answers, [200, 200, 200, 200, 200, 429, 429]);
  t.match(await gateway.metrics.expose(), /rate_limit_decisions_total\{[^}]*outcome="local"/);
  const localSoFar = await countOf('redis', 'local');
  t.equal((await call(gateway, '/r/CODE?to=https://shop.example')).status, 200);
  t.equal(await countOf('redis', 'local'), localSoFar + 1, 'links tell of it as well');
  const refused = await login();
  t.match(refused.body, { status: 503, code: 'LOGIN_UNAVAILABLE' });
  t.equal(await countOf('failed_login', 'unavailable'), 1);
  redis.thaw();
  await waitFor(async () => (await login()).status === 200, { what: 'logins to work again' });
});

t.test('a killed Redis: the same', async (t) => {
  await redis.kill();
  await waitFor(() => gateway.redis.status !== 'ready');
  const { status } = await call(gateway, '/api/v1/echo', { token: 'wrong' });
  t.ok(status === 401 || status === 429);
  t.match((await login()).body, { status: 503, code: 'LOGIN_UNAVAILABLE' });
});
