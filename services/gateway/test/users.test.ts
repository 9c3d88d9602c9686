import { createHash } from 'node:crypto';
import t from 'tap';
import { call, insertUser, logIn, PASSWORD, startGateway } from './gateway-under-test.ts';

const gateway = await startGateway(t, {});
const adminId = await insertUser(gateway.database, { email: 'admin@example.com' });
const { accessToken: token } = await logIn(gateway, 'admin@example.com');

const post = (fields: object) =>
  call(gateway, '/api/v1/users', {
    token,
    body: { email: 'new@example.com', name: 'New', role: 'viewer', password: PASSWORD, ...fields },
  });
const patch = (id: string, body: object) =>
  call(gateway, `/api/v1/users/${id}`, { method: 'PATCH', token, body });
const idOf = (answer: { body: { data?: unknown } }) => (answer.body.data as { id: string }).id;

t.test('a user is created, read, listed, changed and deleted, and each change is audited', async (t) => {
  const created = await post({ email: 'Eve@example.com' });
  t.equal(created.status, 201);
  const id = idOf(created);
  t.match(created.body.data, { email: 'Eve@example.com', role: 'viewer', status: 'active', partnerId: null });
  t.notMatch(JSON.stringify(created.body), /assword/);
  t.match((await call(gateway, `/api/v1/users/${id}`, { token })).body.data, { id, name: 'New' });
  const listed = await call(gateway, '/api/v1/users?sort=email&limit=1&page=2', { token });
  t.match(listed.body, { data: [{ id }], meta: { total: 2, page: 2, limit: 1, totalPages: 2 } });
  const changed = await patch(id, { name: 'Eve', role: 'finance' });
  t.match(changed.body.data, { name: 'Eve', role: 'finance' });
  t.equal((await call(gateway, `/api/v1/users/${id}`, { method: 'DELETE', token })).status, 200);
  t.match((await call(gateway, `/api/v1/users/${id}`, { token })).body, {
    status: 404,
    code: 'USER_NOT_FOUND',
  });
  const audit = await gateway.database.owner.query(
    `SELECT action, changes, user_id FROM audit_logs WHERE entity_type = 'user' AND entity_id = $1 ORDER BY created_at, id`,
    [id],
  );
  t.match(audit, [
    { action: 'created', userId: adminId },
    {
      action: 'updated',
      changes: [
        { field: 'name', oldValue: 'New', newValue: 'Eve' },
        { field: 'role', oldValue: 'viewer', newValue: 'finance' },
      ],
    },
    {
      action: 'deleted',
      userId: adminId,
      changes: [
        { field: 'email', oldValue: 'Eve@example.com', newValue: null },
        { field: 'name', oldValue: 'Eve' },
        { field: 'role', oldValue: 'finance' },
        { field: 'partnerId', oldValue: null },
      ],
    },
  ]);
  t.notMatch(JSON.stringify(audit), /argon2/);
});

t.test('an address belongs to one user, whatever its case', async (t) => {
  t.equal((await post({ email: 'twin@example.com' })).status, 201);
  const twin = await post({ email: 'TWIN@example.com' });
  t.match(twin.body, { status: 409, code: 'USER_EMAIL_TAKEN' });
});

t.test('the role partner and a partner go together', async (t) => {
  for (const fields of [{ role: 'partner' }, { partnerId: '01890000-0000-7000-8000-00000000dead' }]) {
    const answer = await post({ email: 'p@example.com', ...fields });
    t.equal(answer.status, 400);
    t.match(answer.body['errors'], [{ path: 'partnerId' }]);
  }
  const missing = await post({ role: 'partner', partnerId: '01890000-0000-7000-8000-00000000dead' });
  t.match(missing.body, { status: 404, code: 'PARTNER_NOT_FOUND' });
});

t.test('weak passwords, bad addresses and unknown fields are named together', async (t) => {
  const answer = await post({ email: 'nope', password: 'short', isAdmin: true });
  t.equal(answer.status, 400);
  const paths = (answer.body['errors'] as { path: string }[]).map(({ path }) => path).toSorted();
  t.strictSame(paths, ['email', 'isAdmin', 'password']);
  t.equal((await patch(adminId, {})).status, 400);
});

t.test('a partner that does not go with the role is named beside all else that is wrong', async (t) => {
  const pathsOf = (answer: { body: Record<string, unknown> }) =>
    (answer.body['errors'] as { path: string }[]).map(({ path }) => path).toSorted();
  const needed = await post({ email: 'nope', password: 'short', role: 'partner' });
  t.strictSame(pathsOf(needed), ['email', 'partnerId', 'password']);
  const partnerId = '01890000-0000-7000-8000-00000000dead';
  const misfit = await patch(adminId, { role: 'viewer', partnerId, name: '' });
  t.strictSame(pathsOf(misfit), ['name', 'partnerId']);
  t.match(misfit.body['errors'], [{}, { message: 'does not go with the role viewer' }]);
});

t.test('creating, changing and deleting a user under a key is done once', async (t) => {
  const send = async (method: string, path: string, key: string, body?: object) =>
    call(gateway, `/api/v1/users${path}`, {
      method,
      token,
      headers: { 'idempotency-key': key },
      ...(body === undefined ? {} : { body }),
    });
  const user = { email: 'once@example.com', name: 'Once', role: 'viewer', password: PASSWORD };
  const created = await Promise.all(Array.from({ length: 4 }, () => send('POST', '', 'k', user)));
  t.strictSame([...new Set(created.map(({ status }) => status))], [201]);
  t.equal(created.filter(({ headers }) => headers.get('idempotency-replayed') === 'true').length, 3);
  for (const { body } of created) t.same(body, created[0]?.body);
  t.match(created[0]?.body, { data: { createdAt: /^\d{4}-\d\d-\d\dT.*\.\d{3}Z$/, lastLoginAt: null } });
  const other = await send('POST', '', 'k', { ...user, password: 'another long password' });
  t.match(other.body, { status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
  const path = `/${idOf(created[0] ?? other)}`;
  const changed = [
    await send('PATCH', path, 'k', { name: 'Twice', password: PASSWORD }),
    await send('PATCH', path, 'k', { name: 'Twice', password: PASSWORD }),
  ];
  t.match(changed, [{ status: 200 }, { status: 200, body: { data: { name: 'Twice' } } }]);
  t.same(changed[1]?.body, changed[0]?.body);
  t.equal(changed[1]?.headers.get('idempotency-replayed'), 'true');
  t.equal((await send('DELETE', path, 'k')).status, 200);
  const again = await send('DELETE', path, 'k');
  t.match(again, { status: 200, body: { success: true, data: null } });
  t.equal((await send('DELETE', path, 'another')).status, 404);
  const audit = await gateway.database.owner.query(
    `SELECT action FROM audit_logs WHERE entity_type = 'user' AND entity_id = $1 ORDER BY created_at, id`,
    [path.slice(1)],
  );
  t.same(audit, [{ action: 'created' }, { action: 'updated' }, { action: 'deleted' }]);
  const [kept] = await gateway.database.owner.query<{ text: string }>(
    `SELECT json_agg(k)::text AS text FROM idempotency_keys k`,
  );
  t.notMatch(kept?.text, /argon2|assword/);
  const hashes = [user, { name: 'Twice', password: PASSWORD }].map((body) =>
    createHash('sha256').update(JSON.stringify(body)).digest('hex'),
  );
  for (const hash of hashes) t.notOk(kept?.text.includes(hash), 'a password could be guessed from it');
});

t.test('users are read on from where a page ended, in every order', async (t) => {
  const list = (query: string) => call(gateway, `/api/v1/users?limit=2&${query}`, { token });
  const all = await call(gateway, '/api/v1/users?limit=100&count=exact', { token });
  const { total } = all.body['meta'] as { total: number };
  for (const sort of ['createdAt', '-createdAt', 'email', '-email', 'name', '-name']) {
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await list(`sort=${sort}${cursor}`);
      seen.push(...(body.data as { id: string }[]).map(({ id }) => id));
      const { nextCursor } = body['meta'] as { nextCursor?: string };
      cursor = nextCursor === undefined ? '' : `&cursor=${nextCursor}`;
    } while (cursor !== '');
    t.equal(seen.length, total, sort);
    t.equal(new Set(seen).size, total, sort);
  }
  const { nextCursor } = (await list('sort=name')).body['meta'] as { nextCursor: string };
  for (const sort of ['createdAt', 'email', '-name'])
    t.match((await list(`sort=${sort}&cursor=${nextCursor}`)).body, { status: 400 }, sort);
  const whole = await call(gateway, `/api/v1/users?limit=${total}`, { token });
  t.equal(
    (whole.body['meta'] as { nextCursor?: string }).nextCursor,
    undefined,
    'a full page may be the last',
  );
});

t.test('a new password or role, or the end of the account, ends the sessions', async (t) => {
  const id = await insertUser(gateway.database, { email: 'mover@example.com', role: 'viewer' });
  const changes = [{ role: 'finance' }, { password: 'another long password' }, { status: 'disabled' }];
  for (const change of changes) {
    await gateway.database.owner.query(
      'UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1) WHERE id = $2',
      [adminId, id],
    );
    const { refreshToken } = await logIn(gateway, 'mover@example.com');
    t.equal((await patch(id, { name: 'Mover' })).status, 200);
    const body = { refreshToken };
    const renewed = await call(gateway, '/api/v1/auth/refresh', { body });
    t.equal(renewed.status, 200, 'a new name does not');
    t.equal((await patch(id, change)).status, 200);
    const next = { refreshToken: (renewed.body.data as { refreshToken: string }).refreshToken };
    t.equal(
      (await call(gateway, '/api/v1/auth/refresh', { body: next })).status,
      401,
      JSON.stringify(change),
    );
  }
});

t.test('nobody takes their own access away', async (t) => {
  t.match((await patch(adminId, { role: 'viewer' })).body, { status: 409, code: 'USER_IS_SELF' });
  t.match((await patch(adminId, { status: 'disabled' })).body, { status: 409 });
  const answer = await call(gateway, `/api/v1/users/${adminId}`, { method: 'DELETE', token });
  t.match(answer.body, { status: 409 });
  t.equal((await patch(adminId, { name: 'Renamed' })).status, 200);
});

t.test('only super admins see users', async (t) => {
  for (const role of ['admin', 'finance', 'viewer'] as const) {
    await insertUser(gateway.database, { email: `some-${role}@example.com`, role });
    const grant = await logIn(gateway, `some-${role}@example.com`);
    t.equal((await call(gateway, '/api/v1/users', { token: grant.accessToken })).status, 403, role);
  }
  t.equal((await call(gateway, '/api/v1/users')).status, 401);
});
