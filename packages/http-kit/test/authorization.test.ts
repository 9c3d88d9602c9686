import t from 'tap';
import { z } from 'zod';
import {
  createIdentityVerifier,
  deriveIdentityKey,
  IDENTITY_HEADER,
  ok,
  ownPartnerOnly,
  principalOf,
  requestContext,
  signIdentity,
  success,
  verifyIdentity,
} from '../src/index.ts';
import type { Identity, Problem, ServiceApp } from '../src/index.ts';
import { admin, as, signing, startApp } from './harness.ts';

const response = { 200: success(z.unknown()) };

function routes(app: ServiceApp): void {
  const scopes = { open: 'public', anyone: 'authenticated', staff: 'operations:write' } as const;
  for (const [name, scope] of Object.entries(scopes)) {
    app.route({
      method: 'GET',
      url: `/${name}`,
      schema: { response },
      config: { operationId: name, summary: name, scope },
      handler: async (request) => ok(requestContext(request, new Date(0))),
    });
  }
  app.route({
    method: 'GET',
    url: '/either',
    schema: { response },
    config: { operationId: 'either', summary: 'either', scope: ['operations:write', 'payments:write'] },
    handler: async () => ok(null),
  });
  app.route({
    method: 'GET',
    url: '/own',
    schema: { response },
    config: { operationId: 'own', summary: 'own', scope: 'analytics:read', partnerAccess: 'own' },
    handler: async ({ identity }) => ok(ownPartnerOnly(identity) ?? 'all'),
  });
}

const nobody: Partial<Identity> = { kind: 'public', id: 'public', name: 'public', scopes: [] };

await t.test('a service', async (t) => {
  const { app, logLines } = await startApp(t, routes);
  const status = async (url: string, headers: Record<string, string> = {}) =>
    (await app.inject({ url, headers })).statusCode;

  await t.test('answers nobody who comes around the gateway, not even on public routes', async (t) => {
    t.same([await status('/open'), await status('/anyone'), await status('/staff')], [401, 401, 401]);
    t.equal(await status('/open', { [IDENTITY_HEADER]: 'e30.e30' }), 401);
  });

  await t.test('lets the public use public routes only', async (t) => {
    t.same([await status('/open', as(nobody)), await status('/anyone', as(nobody))], [200, 401]);
    t.equal(await status('/staff', as({ ...nobody, scopes: ['operations:write'] })), 401);
  });

  await t.test('asks for the scope of the route', async (t) => {
    t.equal(await status('/staff', as({ scopes: ['operations:write'] })), 200);
    const refused = await app.inject({ url: '/staff', headers: as({ scopes: ['operations:read'] }) });
    t.same([refused.statusCode, refused.json<Problem>().code], [403, 'FORBIDDEN']);
    t.equal(await status('/anyone', as({ scopes: [] })), 200);
  });

  await t.test('opens a route of several scopes to whoever has one of them', async (t) => {
    t.equal(await status('/either', as({ scopes: ['operations:write'] })), 200);
    t.equal(await status('/either', as({ scopes: ['payments:write'] })), 200);
    const refused = await app.inject({ url: '/either', headers: as({ scopes: ['operations:read'] }) });
    t.match(refused.json<Problem>(), {
      status: 403,
      detail: 'The scope operations:write or payments:write is needed',
    });
    t.equal(await status('/either', as({ partnerId: 'p1' })), 403);
    const document = (await app.inject('/internal/openapi.json')).json<{
      paths: Record<string, { get: Record<string, unknown> }>;
    }>();
    t.equal(document.paths['/either']?.get['x-required-scope'], 'operations:write or payments:write');
  });

  await t.test('keeps partners to the routes that narrow to their own rows', async (t) => {
    t.equal(await status('/staff', as({ partnerId: 'p1' })), 403);
    const own = await app.inject({ url: '/own', headers: as({ partnerId: 'p1' }) });
    t.same(own.json<{ data: unknown }>().data, 'p1');
    t.same((await app.inject({ url: '/own', headers: as() })).json<{ data: unknown }>().data, 'all');
  });

  await t.test('hands commands who did it, from where, under which request', async (t) => {
    const answer = await app.inject({ url: '/staff', headers: { ...as(), 'x-request-id': 'abc-1' } });
    t.equal(answer.headers['x-request-id'], 'abc-1');
    t.same(answer.json<{ data: unknown }>().data, {
      programId: 'default',
      actor: { kind: 'user', id: admin.id, name: 'Ada Admin' },
      requestId: 'abc-1',
      ipAddress: '192.0.2.1',
      userAgent: 'test',
      now: '1970-01-01T00:00:00.000Z',
    });
  });

  await t.test('makes a request id where none or a strange one comes', async (t) => {
    for (const strange of ['', 'a b', 'x'.repeat(129), '<script>']) {
      const answer = await app.inject({ url: '/open', headers: { ...as(), 'x-request-id': strange } });
      t.match(answer.headers['x-request-id'], /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    }
  });

  await t.test('logs one line per request, without address or query', async (t) => {
    logLines.length = 0;
    await app.inject({ url: '/staff?email=a@b.c', headers: { ...as(), 'x-request-id': 'abc-2' } });
    t.equal(logLines.length, 1);
    t.match(logLines[0], {
      level: 'info',
      requestId: 'abc-2',
      principal: `user:${admin.id}`,
      method: 'GET',
      route: '/staff',
      operation: 'staff',
      status: 400,
      code: 'VALIDATION_ERROR',
      ms: Number,
    });
    t.notMatch(JSON.stringify(logLines), /192\.0\.2\.1|a@b\.c/);
  });
});

await t.test('a signed identity', async (t) => {
  const header = signIdentity(admin, signing, 1_000);

  await t.test('is read back as it was', async (t) => {
    t.same(verifyIdentity(header, signing, 2_000), admin);
  });

  await t.test('is refused when expired, for another service, with another key or changed', async (t) => {
    t.equal(verifyIdentity(header, signing, 31_000), undefined);
    const other = { service: 'other-service', key: signing.key };
    t.equal(verifyIdentity(header, other, 2_000), undefined);
    const otherKey = deriveIdentityKey('a secret of the test, 32 characters', 'other-service');
    t.equal(verifyIdentity(header, { ...signing, key: otherKey }, 2_000), undefined);
    const [payload = '', mac = ''] = header.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, role: 'super_admin' })).toString('base64url');
    t.equal(verifyIdentity(`${forged}.${mac}`, signing, 2_000), undefined);
    for (const garbage of ['', '.', 'a.', `${payload}.`, payload, `${payload}.${mac.slice(1)}`]) {
      t.equal(verifyIdentity(garbage, signing, 2_000), undefined);
    }
  });
});

await t.test('a header that was found good is remembered no longer than it is good for', async (t) => {
  let now = 1_000_000;
  const verify = createIdentityVerifier(signing, () => now);
  const header = signIdentity(admin, signing, now);
  t.match(verify(header), { id: admin.id });
  t.equal(verify(header), verify(header), 'the second time costs a look-up');
  now += 30_000;
  t.equal(verify(header), undefined, 'and it ends all the same');
});

await t.test('nothing in a remembered identity can be changed by the handler that gets it', async (t) => {
  const verify = createIdentityVerifier(signing);
  t.ok(Object.isFrozen(verify(signIdentity(admin, signing))));
});

await t.test('whoever was not identified has no name in the log', async (t) => {
  t.equal(principalOf({ identity: null as unknown as Identity }), undefined);
  t.equal(principalOf({ identity: undefined as unknown as Identity }), undefined);
  t.equal(principalOf({ identity: admin }), `user:${admin.id}`);
});
