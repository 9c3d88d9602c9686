import { ConfigError, loadConfig } from '@tributary/runtime';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import t from 'tap';
import { configSchema } from '../src/config.ts';
import { settingsFrom } from '../src/settings.ts';
import {
  asService,
  call,
  echo,
  insertUser,
  JWT_KEYS,
  listen,
  logIn,
  startGateway,
  stopServer,
} from './gateway-under-test.ts';

const ISSUER = 'https://id.example/realms/acme';
const AUDIENCE = 'tributary';
const [signing, next, foreign] = await Promise.all([
  generateKeyPair('RS256', { extractable: true }),
  generateKeyPair('ES256', { extractable: true }),
  generateKeyPair('RS256', { extractable: true }),
]);
const published = [{ ...(await exportJWK(signing.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }];
let asked = 0;
const provider = await listen(t, (_request, response) => {
  asked += 1;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: published }));
});
const upstream = await listen(t, asService(echo));
let now = Date.now();
const externalIssuer = {
  issuer: ISSUER,
  jwksUrl: new URL(`${provider.url}/keys`),
  audience: AUDIENCE,
  roleClaim: 'realm_access.roles',
  roles: new Map([
    ['finance-team', 'finance'],
    ['everybody', 'viewer'],
  ] as const),
};
const gateway = await startGateway(t, {
  upstreams: { 'echo-service': upstream.url },
  externalIssuer,
  clock: () => new Date(now),
});

const CLAIMS: JWTPayload = {
  iss: ISSUER,
  aud: ['account', AUDIENCE],
  sub: 'user-17',
  email: 'rosa@example.com',
  name: 'Rosa',
  realm_access: { roles: ['everybody', 'finance-team'] },
};

function tokenOf(
  claims: JWTPayload = CLAIMS,
  key = signing.privateKey,
  header = { alg: 'RS256', kid: 'one' },
) {
  const seconds = Math.floor(now / 1_000);
  return new SignJWT({ iat: seconds, exp: seconds + 600, ...claims }).setProtectedHeader(header).sign(key);
}

const me = async (token: string) => call(gateway, '/api/v1/auth/me', { token });
const userRows = (email: string) =>
  gateway.database.owner.query<{ id: string; name: string; role: string }>(
    'SELECT id, name, role FROM users WHERE email = $1',
    [email],
  );

t.test("a provider's token speaks for a user with the first role of the map that it has", async (t) => {
  const answer = await me(await tokenOf());
  t.match(answer.body, { data: { kind: 'user', name: 'Rosa', email: 'rosa@example.com', role: 'finance' } });
  const rows = await userRows('rosa@example.com');
  t.match(rows, [{ id: (answer.body.data as { id: string }).id, name: 'Rosa', role: 'finance' }]);
  t.equal((await call(gateway, '/api/v1/echo', { token: await tokenOf() })).status, 200);
  t.equal(asked, 1, 'keys are fetched once');
});

t.test('the same person stays the same user, under another name and role', async (t) => {
  const [before] = await userRows('rosa@example.com');
  const changed = { ...CLAIMS, name: 'Rosa L.', realm_access: { roles: ['everybody'] } };
  t.match((await me(await tokenOf(changed))).body, { data: { name: 'Rosa L.', role: 'viewer' } });
  t.match(await userRows('rosa@example.com'), [{ id: before?.id, name: 'Rosa L.', role: 'viewer' }]);
});

t.test(
  'what the provider says of a person is in the audit trail, and deleting does not undo it',
  async (t) => {
    const [rosa] = await userRows('rosa@example.com');
    const trail = await gateway.database.owner.query(
      'SELECT action, actor, user_id, changes FROM audit_logs WHERE entity_id = $1 ORDER BY id',
      [rosa?.id ?? ''],
    );
    t.match(trail, [
      {
        action: 'created',
        actor: 'system:identity-provider',
        userId: null,
        changes: [
          { field: 'email', oldValue: null, newValue: 'rosa@example.com' },
          { field: 'name', newValue: 'Rosa' },
          { field: 'role', newValue: 'finance' },
        ],
      },
      {
        action: 'updated',
        changes: [
          { field: 'name', oldValue: 'Rosa', newValue: 'Rosa L.' },
          { field: 'role', oldValue: 'finance', newValue: 'viewer' },
        ],
      },
    ]);
    t.equal(trail.length, 2);
    await insertUser(gateway.database, { email: 'root@example.com' });
    const { accessToken } = await logIn(gateway, 'root@example.com');
    const deleted = await call(gateway, `/api/v1/users/${rosa?.id}`, {
      method: 'DELETE',
      token: accessToken,
    });
    t.match(deleted, { status: 409, body: { code: 'USER_IS_EXTERNAL' } });
  },
);

t.test('forged, foreign, ended and roleless tokens are worth nothing', async (t) => {
  const seconds = Math.floor(now / 1_000);
  const [head = '', payload = ''] = (await tokenOf()).split('.');
  const published = Buffer.from(JSON.stringify(await exportJWK(signing.publicKey)));
  const bad: Record<string, string> = {
    'another key': await tokenOf(CLAIMS, foreign.privateKey),
    'an unknown key id': await tokenOf(CLAIMS, foreign.privateKey, { alg: 'RS256', kid: 'two' }),
    'no signature': `${head}.${payload}.`,
    'no algorithm': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`,
    'the public key as a secret': await new SignJWT({ ...CLAIMS, exp: seconds + 600 })
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(published),
    'our own secret': await new SignJWT({ ...CLAIMS, exp: seconds + 600 })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(Buffer.from(JWT_KEYS[0]?.secret ?? '')),
    expired: await tokenOf({ ...CLAIMS, exp: seconds - 1 }),
    'not yet good': await tokenOf({ ...CLAIMS, nbf: seconds + 600 }),
    'another audience': await tokenOf({ ...CLAIMS, aud: 'other' }),
    'another issuer': await tokenOf({ ...CLAIMS, iss: 'https://evil.example' }),
    'no role of the map': await tokenOf({ ...CLAIMS, realm_access: { roles: ['admin', 'super_admin'] } }),
    'no roles at all': await tokenOf({ ...CLAIMS, realm_access: 'finance-team' }),
  };
  for (const [name, token] of Object.entries(bad)) t.equal((await me(token)).status, 401, name);
});

t.test('a person who is disabled here is refused within a minute', async (t) => {
  const token = await tokenOf({ ...CLAIMS, sub: 'user-18', email: 'max@example.com' });
  t.equal((await me(token)).status, 200);
  await gateway.database.owner.query("UPDATE users SET status = 'disabled' WHERE email = 'max@example.com'");
  now += 61_000;
  t.equal((await call(gateway, '/api/v1/echo', { token })).status, 401);
});

t.test('an account with a password is never taken over, and own logins go on', async (t) => {
  await insertUser(gateway.database, { email: 'ada@example.com' });
  t.equal((await me(await tokenOf({ ...CLAIMS, sub: 'evil', email: 'Ada@example.com' }))).status, 401);
  const { accessToken } = await logIn(gateway, 'ada@example.com');
  t.match((await me(accessToken)).body, { data: { email: 'ada@example.com', role: 'super_admin' } });
  const external = { email: 'rosa@example.com', password: 'external' };
  t.equal((await call(gateway, '/api/v1/auth/login', { body: external })).status, 401);
});

t.test('a key that the provider has rotated in is fetched', async (t) => {
  published.push({ ...(await exportJWK(next.publicKey)), kid: 'next', alg: 'ES256', use: 'sig' });
  const fresh = await startGateway(t, { upstreams: {}, externalIssuer, clock: () => new Date(now) });
  const token = await tokenOf(CLAIMS, next.privateKey, { alg: 'ES256', kid: 'next' });
  t.equal((await call(fresh, '/api/v1/auth/me', { token })).status, 200);
});

t.test('a provider that does not answer is a 503; what was verified goes on', async (t) => {
  const known = await tokenOf();
  t.equal((await me(known)).status, 200);
  const fresh = await startGateway(t, { upstreams: {}, externalIssuer, clock: () => new Date(now) });
  await stopServer(provider.server);
  const answer = await call(fresh, '/api/v1/auth/me', { token: known });
  t.match(answer.body, { status: 503, code: 'SERVICE_UNAVAILABLE' });
  t.equal((await me(known)).status, 200);
});

t.test('half a configuration is an error that names what is missing', async (t) => {
  const environment = {
    PORT: '1',
    DATABASE_URL: 'postgres://x@y/z',
    REDIS_URL: 'redis://y',
    NATS_URL: 'nats://y',
    IDENTITY_SECRET: 'x'.repeat(32),
    JWT_SECRETS: `k:${'x'.repeat(32)}`,
    UPSTREAMS: 's=http://s:1',
    OIDC_ISSUER: ISSUER,
    OIDC_ROLE_MAP: 'urn:acme:ops:admin, everybody:viewer',
  };
  t.throws(() => settingsFrom(loadConfig(configSchema, environment)), ConfigError);
  const complete = { ...environment, OIDC_JWKS_URL: `${ISSUER}/keys`, OIDC_AUDIENCE: AUDIENCE };
  const { externalIssuer: read } = settingsFrom(loadConfig(configSchema, complete));
  t.same(
    [...(read?.roles ?? [])],
    [
      ['urn:acme:ops', 'admin'],
      ['everybody', 'viewer'],
    ],
  );
  t.throws(() => loadConfig(configSchema, { ...complete, OIDC_ROLE_MAP: 'x:partner' }), ConfigError);
});
