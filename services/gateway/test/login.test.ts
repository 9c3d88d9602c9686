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

const upstream = await listen(t, asService(echo));
const gateway = await startGateway(t, { upstreams: { 'echo-service': upstream.url } });
const userId = await insertUser(gateway.database, { email: 'Ada@example.com' });
const login = (email: string, password: string) =>
  call(gateway, '/api/v1/auth/login', { body: { email, password } });

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
