import t from 'tap';
import {
  asService,
  call,
  echo,
  insertUser,
  listen,
  logIn,
  PASSWORD,
  startGateway,
  type GrantData,
} from './gateway-under-test.ts';
import { newToken } from '../src/identity/random-tokens.ts';
import { findLogin, openSession } from '../src/identity/sessions-store.ts';

const upstream = await listen(t, asService(echo));
const gateway = await startGateway(t, {
  upstreams: { 'echo-service': upstream.url },
  trustedProxies: ['127.0.0.1'],
});
const userId = await insertUser(gateway.database, { email: 'Ada@example.com' });

const login = (email: string, password: string, address = '198.51.100.1') =>
  call(gateway, '/api/v1/auth/login', { body: { email, password }, headers: { 'x-forwarded-for': address } });
const refresh = (refreshToken: string) => call(gateway, '/api/v1/auth/refresh', { body: { refreshToken } });

t.test('a right password gives tokens that open a service, whatever the case of the address', async (t) => {
  const answer = await login('ada@EXAMPLE.com', PASSWORD);
  t.equal(answer.status, 200);
  t.match(answer.body, {
    success: true,
    data: { expiresIn: 900, user: { id: userId, role: 'super_admin' } },
  });
  const { accessToken } = answer.body.data as GrantData;
  const echoed = await call(gateway, '/api/v1/echo', { token: accessToken });
  t.equal(echoed.status, 200);
  t.match(echoed.body, { method: 'GET', url: '/echo' });
  const me = await call(gateway, '/api/v1/auth/me', { token: accessToken });
  t.match(me.body, { data: { kind: 'user', id: userId, email: 'Ada@example.com', role: 'super_admin' } });
});

t.test('a wrong password and an unknown account get the same answer', async (t) => {
  const wrong = await login('ada@example.com', 'not the password', '198.51.100.2');
  const unknown = await login('nobody@example.com', PASSWORD, '198.51.100.2');
  for (const answer of [wrong, unknown]) {
    t.equal(answer.status, 401);
    t.match(answer.body, { success: false, code: 'UNAUTHENTICATED' });
    t.match(answer.headers.get('content-type'), 'application/problem+json');
  }
  t.equal(wrong.body['detail'], unknown.body['detail']);
});

t.test('a disabled account cannot log in', async (t) => {
  await insertUser(gateway.database, { email: 'left@example.com', status: 'disabled' });
  t.equal((await login('left@example.com', PASSWORD)).status, 401);
});

t.test('after five failures the account is closed to that address, and to no other', async (t) => {
  await insertUser(gateway.database, { email: 'grace@example.com' });
  const guesses = await Promise.all(
    Array.from({ length: 8 }, (_, index) => login('grace@example.com', `guess ${index}`, '198.51.100.3')),
  );
  t.equal(
    guesses.filter(({ status }) => status === 401).length,
    5,
    'parallel guesses are counted one by one',
  );
  t.equal(guesses.filter(({ status }) => status === 429).length, 3);
  const locked = await login('GRACE@example.com', PASSWORD, '198.51.100.3');
  t.equal(locked.status, 429);
  t.match(locked.body, { code: 'RATE_LIMITED', limit: 5 });
  const said = ['limit', 'remaining'].map((what) => locked.headers.get(`x-ratelimit-${what}`));
  t.strictSame(said, ['5', '0'], 'the limit that refused it, not the one of the address');
  const reset = Number(locked.headers.get('x-ratelimit-reset'));
  t.ok(reset > 0 && reset <= 900);
  t.equal(locked.headers.get('retry-after'), String(reset));
  const decisions = await gateway.metrics.expose();
  t.match(decisions, /rate_limit_decisions_total\{[^}]*limiter="failed_login",outcome="limited"[^}]*\} 4/);
  t.equal((await login('grace@example.com', PASSWORD, '198.51.100.4')).status, 200);
});

t.test('the addresses of one IPv6 network of 64 bits share their five failures', async (t) => {
  await insertUser(gateway.database, { email: 'mary@example.com' });
  const statuses: number[] = [];
  for (const host of ['0:0:0:1', ':2', ':3:4', '1:2:3:4', 'ffff:ffff:ffff:ffff', ':a']) {
    statuses.push((await login('mary@example.com', 'wrong', `2001:db8:7:9:${host}`)).status);
  }
  t.strictSame(statuses, [401, 401, 401, 401, 401, 429]);
  t.equal((await login('mary@example.com', PASSWORD, '2001:db8:7:a::1')).status, 200);
});

t.test('a login that succeeds takes earlier failures back', async (t) => {
  await insertUser(gateway.database, { email: 'joan@example.com' });
  for (let round = 0; round < 2; round += 1) {
    for (let guess = 0; guess < 4; guess += 1) await login('joan@example.com', 'wrong', '198.51.100.5');
    t.equal((await login('joan@example.com', PASSWORD, '198.51.100.5')).status, 200, `round ${round}`);
  }
});

t.test('unknown and missing fields of a login are named', async (t) => {
  const answer = await call(gateway, '/api/v1/auth/login', { body: { email: 'ada@example.com', pass: 'x' } });
  t.equal(answer.status, 400);
  const paths = (answer.body['errors'] as { path: string }[]).map(({ path }) => path).toSorted();
  t.strictSame(paths, ['pass', 'password']);
});

t.test('a refresh token works once; its second use ends the whole family', async (t) => {
  const first = await logIn(gateway, 'ada@example.com');
  const second = (await refresh(first.refreshToken)).body.data as GrantData;
  t.not(second.refreshToken, first.refreshToken);
  t.equal((await call(gateway, '/api/v1/echo', { token: second.accessToken })).status, 200);
  const stolen = await refresh(first.refreshToken);
  t.equal(stolen.status, 401);
  t.match(stolen.body, { code: 'UNAUTHENTICATED' });
  t.equal((await refresh(second.refreshToken)).status, 401, 'the successor is revoked as well');
  const other = await logIn(gateway, 'ada@example.com');
  t.equal((await refresh(other.refreshToken)).status, 200, 'another login is another family');
});

t.test('a family that was ended while one of its tokens was traded in has no successor', async (t) => {
  const first = await logIn(gateway, 'ada@example.com');
  const second = (await refresh(first.refreshToken)).body.data as GrantData;
  // As a logout leaves it that had begun before the trade was committed, and saw only the token that it waited for.
  await gateway.database.owner.query(
    `UPDATE refresh_tokens SET revoked_at = now() WHERE used_at IS NOT NULL
     AND family_id = (SELECT family_id FROM refresh_tokens ORDER BY created_at DESC, id DESC LIMIT 1)`,
  );
  t.equal((await refresh(second.refreshToken)).status, 401);
});

t.test('a password that was changed while it was verified opens no session', async (t) => {
  const { db } = gateway.database;
  const account = await findLogin(db, 'default', 'ada@example.com');
  if (account === undefined) throw new Error('no account');
  const now = new Date();
  const grant = () => ({ token: newToken(), now, expiresAt: new Date(now.getTime() + 60_000) });
  t.ok(await openSession(db, account, grant()));
  t.equal(await openSession(db, { ...account, passwordHash: '$argon2 of another' }, grant()), undefined);
});

t.test('of many simultaneous uses of a refresh token at most one wins', async (t) => {
  const { refreshToken } = await logIn(gateway, 'ada@example.com');
  const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(refreshToken)));
  t.equal(answers.filter(({ status }) => status === 200).length, 1);
});

t.test('logging out ends the session, by refresh token or by access token', async (t) => {
  const byRefresh = await logIn(gateway, 'ada@example.com');
  const answer = await call(gateway, '/api/v1/auth/logout', {
    body: { refreshToken: byRefresh.refreshToken },
  });
  t.equal(answer.status, 200);
  t.equal((await refresh(byRefresh.refreshToken)).status, 401);
  const byAccess = await logIn(gateway, 'ada@example.com');
  await call(gateway, '/api/v1/auth/logout', { method: 'POST', token: byAccess.accessToken });
  t.equal((await refresh(byAccess.refreshToken)).status, 401);
});

t.test('nothing that was issued is stored in the clear', async (t) => {
  const grant = await logIn(gateway, 'ada@example.com');
  const [row] = await gateway.database.owner.query<{ text: string }>(
    `SELECT (SELECT json_agg(r) FROM refresh_tokens r)::text || (SELECT json_agg(u) FROM users u)::text AS text`,
  );
  t.notMatch(row?.text, grant.refreshToken);
  t.notMatch(row?.text, PASSWORD);
  t.match(row?.text, /\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});
