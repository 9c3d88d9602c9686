import { testRedis } from '@tributary/testkit';
import t from 'tap';
import { createAccessTokens } from '../src/identity/access-tokens.ts';
import { asService, call, echo, JWT_KEYS, listen, startGateway } from './gateway-under-test.ts';

const upstream = await listen(t, asService(echo));
const upstreams = { 'echo-service': upstream.url };
const { prefix: shared } = testRedis(t);
const limits = { public: 100_000, admin: 100_000, partner: 100_000, apiKey: 100_000 };
const tokens = createAccessTokens({ keys: JWT_KEYS, lifetimeSeconds: 900, clock: () => new Date() });
const tokenOf = (userId: string, role: 'admin' | 'partner' = 'admin') =>
  tokens.issue({
    userId,
    name: 'n',
    role,
    partnerId: role === 'partner' ? 'p' : null,
    programId: 'default',
    sessionId: 's',
  });

const statusesOf = async (calls: Promise<{ status: number }>[]) => {
  const counts = new Map<number, number>();
  for (const { status } of await Promise.all(calls)) counts.set(status, (counts.get(status) ?? 0) + 1);
  return Object.fromEntries(counts);
};

t.test('small limits are exact over two gateways, and said in headers', async (t) => {
  const prefix = `${shared}exact:`;
  const settings = { upstreams, limits: { ...limits, public: 20 }, redisPrefix: prefix };
  const [one, two] = [await startGateway(t, settings), await startGateway(t, settings)];
  const { status, headers } = await call(one, '/api/v1/open');
  t.same([status, headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')], [200, '20', '19']);
  const calls = Array.from({ length: 50 }, (_, index) => call(index % 2 === 0 ? one : two, '/api/v1/open'));
  t.strictSame(await statusesOf(calls), { 200: 19, 429: 31 });
  const refused = await call(one, '/api/v1/open');
  t.match(refused.body, { success: false, status: 429, code: 'RATE_LIMITED', limit: 20 });
  t.equal(refused.headers.get('x-ratelimit-limit'), '20');
  t.equal(refused.headers.get('x-ratelimit-remaining'), '0');
  t.ok(Number(refused.headers.get('x-ratelimit-reset')) > 0);
  t.ok(Number(refused.headers.get('retry-after')) > 0);
});

t.test('large limits are leased: two gateways let through what one would, within a block each', async (t) => {
  const limit = 1_000;
  const block = limit / 100;
  const settings = { upstreams, limits: { ...limits, admin: limit }, redisPrefix: `${shared}leased:` };
  const [one, two] = [await startGateway(t, settings), await startGateway(t, settings)];
  const token = tokenOf('leased');
  const calls = Array.from({ length: 1_100 }, (_, index) =>
    call(index % 3 === 0 ? one : two, '/api/v1/nothing', { token }),
  );
  const { 404: admitted = 0, 429: refused = 0 } = await statusesOf(calls);
  t.equal(admitted + refused, 1_100);
  t.ok(admitted <= limit && admitted >= limit - block, `${admitted} of ${limit} were let through`);
});

t.test('each principal and each class has a limit of its own; unknown routes count', async (t) => {
  const gateway = await startGateway(t, {
    upstreams,
    limits: { public: 2, admin: 3, partner: 4, apiKey: 5 },
  });
  const until429 = async (path: string, token?: string) => {
    for (let sent = 0; ; sent += 1) {
      if ((await call(gateway, path, token === undefined ? {} : { token })).status === 429) return sent;
    }
  };
  t.equal(await until429('/api/v1/nothing'), 2);
  t.equal((await call(gateway, '/api/v1/open')).status, 429, 'the same address on another public route');
  t.equal(await until429('/api/v1/echo', tokenOf('a')), 3);
  t.equal(await until429('/api/v1/echo', tokenOf('b')), 3);
  t.equal(await until429('/api/v1/echo', tokenOf('c', 'partner')), 4);
  const login = await call(gateway, '/api/v1/auth/login', {
    body: { email: 'a@example.com', password: 'x' },
  });
  t.equal(login.status, 401, 'logging in is counted apart');
  t.equal((await call(gateway, '/health/ready')).status, 200, 'health is not limited');
});

t.test('refused credentials count against the address', async (t) => {
  const gateway = await startGateway(t, { upstreams, limits: { ...limits, public: 3 } });
  const calls = Array.from({ length: 6 }, () => call(gateway, '/api/v1/echo', { token: 'tb_live_guess' }));
  t.strictSame(await statusesOf(calls), { 401: 3, 429: 3 });
});

t.test('a tracking link is answered whatever the limit, and the service is told', async (t) => {
  const gateway = await startGateway(t, { upstreams, limits: { ...limits, public: 2 } });
  const marks: unknown[] = [];
  for (let click = 0; click < 4; click += 1) {
    const { status, body } = await call(gateway, '/r/CODE?to=https://shop.example');
    t.equal(status, 200);
    t.equal(body['url'], '/r/CODE?to=https://shop.example');
    marks.push((body['headers'] as Record<string, string>)['x-tributary-over-limit']);
  }
  t.strictSame(marks, [undefined, undefined, 'true', 'true']);
  const decisions = await gateway.metrics.expose();
  t.match(decisions, /rate_limit_decisions_total\{[^}]*limiter="link",outcome="allowed"[^}]*\} 2/);
  t.match(decisions, /rate_limit_decisions_total\{[^}]*limiter="link",outcome="limited"[^}]*\} 2/);
});

t.test('an emptied Redis does not forget what this process has let through', async (t) => {
  const prefix = `${shared}emptied:`;
  const gateway = await startGateway(t, { upstreams, limits: { ...limits, public: 5 }, redisPrefix: prefix });
  for (let sent = 0; sent < 4; sent += 1) t.equal((await call(gateway, '/api/v1/open')).status, 200);
  for (const key of await gateway.redis.keys(`${prefix}*`)) await gateway.redis.del(key);
  t.equal((await call(gateway, '/api/v1/open')).status, 200);
  t.equal((await call(gateway, '/api/v1/open')).status, 429);
});
