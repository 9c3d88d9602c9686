import { createHmac } from 'node:crypto';
import t from 'tap';
import { createAccessTokens, type TokenSubject } from '../src/identity/access-tokens.ts';
import {
  asService,
  call,
  echo,
  insertUser,
  JWT_KEYS,
  listen,
  logIn,
  startGateway,
} from './gateway-under-test.ts';

const clock = () => new Date('2026-03-01T12:00:00Z');
const [key] = JWT_KEYS;
const secret = key?.secret ?? '';
const subject: TokenSubject = {
  userId: '01890000-0000-7000-8000-000000000001',
  name: 'Ada',
  role: 'admin',
  partnerId: null,
  programId: 'default',
  sessionId: '01890000-0000-7000-8000-000000000002',
};
const newTokens = (keys = JWT_KEYS, now = clock) =>
  createAccessTokens({ keys, lifetimeSeconds: 900, clock: now });

const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = { alg: 'HS256', typ: 'JWT', kid: 'k1' };
const nowSeconds = clock().getTime() / 1000;
const claims = {
  iss: 'tributary',
  aud: 'tributary-api',
  sub: subject.userId,
  sid: subject.sessionId,
  name: 'Ada',
  role: 'super_admin',
  pid: null,
  prg: 'default',
  iat: nowSeconds,
  exp: nowSeconds + 900,
  jti: '1',
};

function forge(head: unknown, body: unknown, options: { secret?: string; algorithm?: string } = {}): string {
  const input = `${segment(head)}.${segment(body)}`;
  const mac = createHmac(options.algorithm ?? 'sha256', options.secret ?? secret).update(input);
  return `${input}.${mac.digest('base64url')}`;
}

const good = forge(header, claims);
const [goodHeader, goodPayload, goodSignature] = good.split('.');
const without = (field: keyof typeof claims) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => name !== field));

/** Each differs from a good token in one respect. */
const FORGED: Readonly<Record<string, string>> = {
  'no algorithm, no signature': `${segment({ alg: 'none', typ: 'JWT', kid: 'k1' })}.${segment(claims)}.`,
  'no algorithm, signed all the same': forge({ ...header, alg: 'none' }, claims),
  'algorithm None in capitals': `${segment({ alg: 'NONE', typ: 'JWT' })}.${segment(claims)}.${goodSignature}`,
  'another HMAC': forge({ ...header, alg: 'HS512' }, claims, { algorithm: 'sha512' }),
  'HS512 under our header': forge(header, claims, { algorithm: 'sha512' }),
  'RS256 with the secret as public key': forge({ ...header, alg: 'RS256' }, claims),
  'another key': forge(header, claims, { secret: 'another-secret-of-the-tests-0123456789' }),
  'an empty key': forge(header, claims, { secret: '' }),
  'an unknown key id': forge({ ...header, kid: 'k9' }, claims),
  'no key id': forge({ alg: 'HS256', typ: 'JWT' }, claims),
  'a key id that is a path': forge({ ...header, kid: '../../dev/null' }, claims, { secret: '' }),
  'a key from a URL': forge({ ...header, jku: 'https://evil.example/keys' }, claims),
  'an embedded key': forge({ ...header, jwk: { kty: 'oct', k: 'AA' } }, claims, { secret: '\0' }),
  'a critical extension': forge({ ...header, crit: ['b64'], b64: false }, claims),
  'a changed payload': `${goodHeader}.${segment({ ...claims, sub: 'x' })}.${goodSignature}`,
  'a changed signature': `${goodHeader}.${goodPayload}.A${goodSignature?.slice(1)}`,
  'a truncated signature': `${goodHeader}.${goodPayload}.${goodSignature?.slice(0, 20)}`,
  'no signature': `${goodHeader}.${goodPayload}.`,
  'a padded signature': `${good}=`,
  'a fourth part': `${good}.x`,
  'two parts': `${goodHeader}.${goodPayload}`,
  expired: forge(header, { ...claims, exp: nowSeconds }),
  'without an end': forge(header, without('exp')),
  'an end that is no number': forge(header, { ...claims, exp: 'never' }),
  'another audience': forge(header, { ...claims, aud: 'other-api' }),
  'several audiences': forge(header, { ...claims, aud: ['tributary-api', 'other-api'] }),
  'without an audience': forge(header, without('aud')),
  'another issuer': forge(header, { ...claims, iss: 'evil' }),
  'an unknown role': forge(header, { ...claims, role: 'root' }),
  'without a subject': forge(header, without('sub')),
  'a payload that is no JSON': (() => {
    const input = `${segment(header)}.${Buffer.from('{').toString('base64url')}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
  })(),
  'an opaque text': 'aaaa',
};

t.test('a token says again what it was issued for', async (t) => {
  t.strictSame(newTokens().verify(newTokens().issue(subject)), subject);
  t.ok(newTokens().verify(good), 'the table below starts from a good one');
});

for (const [name, token] of Object.entries(FORGED)) {
  t.test(`a forged token is worth nothing: ${name}`, async (t) => {
    t.equal(newTokens().verify(token), undefined);
  });
}

t.test('a token ends after its lifetime, to the second', async (t) => {
  const token = newTokens().issue(subject);
  const at = (seconds: number) => () => new Date(clock().getTime() + seconds * 1000);
  t.ok(newTokens(JWT_KEYS, at(899)).verify(token));
  t.equal(newTokens(JWT_KEYS, at(900)).verify(token), undefined);
});

t.test('signing keys rotate without logging anyone out', async (t) => {
  const next = { kid: 'k2', secret: 'the-next-secret-of-the-tests-0123456789' };
  const old = newTokens().issue(subject);
  const rotated = newTokens([next, ...JWT_KEYS]);
  t.ok(rotated.verify(old));
  t.equal(newTokens().verify(rotated.issue(subject)), undefined, 'the first key signs');
  t.equal(newTokens([next]).verify(old), undefined, 'a key that is taken away ends its tokens');
});

t.test('the gateway answers 401 to every forged token, also on a public route', async (t) => {
  const upstream = await listen(t, asService(echo));
  const gateway = await startGateway(t, { upstreams: { 'echo-service': upstream.url }, clock });
  t.equal((await call(gateway, '/api/v1/echo', { token: good })).status, 200);
  for (const [name, token] of Object.entries(FORGED)) {
    const answer = await call(gateway, '/api/v1/echo', { token });
    t.equal(answer.status, 401, name);
    t.match(answer.headers.get('www-authenticate'), 'invalid_token');
  }
  t.equal((await call(gateway, '/api/v1/open', { token: 'aaaa' })).status, 401);
  t.equal((await call(gateway, '/api/v1/open')).status, 200);
  t.equal((await call(gateway, '/api/v1/echo')).status, 401);
  for (const value of [
    'Basic YTpi',
    'Bearer',
    `bearer ${good} x`,
    'tb_live_x',
    `Bearer ${'a'.repeat(5_000)}`,
  ]) {
    const answer = await call(gateway, '/api/v1/echo', { headers: { authorization: value } });
    t.equal(answer.status, 401, value.slice(0, 20));
  }
});

t.test('the scheme is read in any case', async (t) => {
  const gateway = await startGateway(t, {});
  await insertUser(gateway.database, { email: 'ada@example.com' });
  const { accessToken } = await logIn(gateway, 'ada@example.com');
  const answer = await call(gateway, '/api/v1/auth/me', {
    headers: { authorization: `bEARER ${accessToken}` },
  });
  t.equal(answer.status, 200);
});
