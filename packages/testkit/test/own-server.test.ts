import { connect } from '@tributary/schema';
import { Redis } from 'ioredis';
import t from 'tap';

import { startOwnPostgres, startOwnRedis, waitFor } from '../src/index.ts';

t.test('a Postgres of its own is migrated, can be killed, and comes back at the same address', async (t) => {
  const server = await startOwnPostgres(t);
  const db = connect({ url: server.serviceUrl, applicationName: 'test' });
  t.teardown(() => db.close());
  const partners = () => db.query<{ count: number }>('SELECT count(*)::int AS count FROM partners');
  t.same(await partners(), [{ count: 0 }]);
  const { pid } = server;
  await server.kill();
  // Its back ends see a moment later that it is gone.
  const refused = () =>
    partners().then(
      () => false,
      () => true,
    );
  t.ok(await waitFor(refused, { what: 'connections to be refused' }));
  await server.start();
  t.not(server.pid, pid);
  t.same(await waitFor(partners), [{ count: 0 }]);
});

t.test('a Redis of its own can be frozen and thawed', async (t) => {
  const server = await startOwnRedis(t);
  const redis = new Redis(server.url, { commandTimeout: 300 });
  t.teardown(() => redis.disconnect());
  // The first one waits for the connection as well.
  t.equal(await waitFor(() => redis.ping()), 'PONG');
  server.freeze();
  await t.rejects(redis.ping(), /timed out/);
  server.thaw();
  t.equal(await waitFor(() => redis.ping()), 'PONG');
});
