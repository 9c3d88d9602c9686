import { Redis } from 'ioredis';
import { connect } from 'nats';
import t from 'tap';

import {
  createTestDatabase,
  createWebhookReceiver,
  testNats,
  testRedis,
  type TestScope,
  waitFor,
} from '../src/index.ts';

/** A scope that the test ends itself, to look at what is left afterwards. */
function ownScope(): TestScope & { end(): Promise<void> } {
  const releases: (() => unknown)[] = [];
  return {
    teardown: (release) => void releases.unshift(release),
    end: async () => {
      for (const release of releases) await release();
    },
  };
}

t.test('a test database has the tables, is apart from others, and goes with its scope', async (t) => {
  const { owner } = await createTestDatabase(t);
  const scope = ownScope();
  const [first, second] = await Promise.all([createTestDatabase(scope), createTestDatabase(scope)]);
  const count = async (database: typeof first): Promise<number> =>
    (await database.db.query<{ count: number }>('SELECT count(*)::int AS count FROM partners'))[0]?.count ??
    -1;
  t.equal(await count(first), 0);
  await first.owner.query('CREATE TABLE only_here (id int)');
  await t.rejects(second.owner.query('SELECT * FROM only_here'), /does not exist/);
  const existing = (name: string) => owner.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  t.equal((await existing(first.name)).length, 1);
  await scope.end();
  t.equal((await existing(first.name)).length, 0);
});

t.test('a test database is served to the service role and to the owner', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  t.same(await db.query('SELECT current_user AS name'), [{ name: 'tributary_service' }]);
  t.same(await owner.query('SELECT current_user AS name'), [{ name: 'tributary_owner' }]);
});

t.test('streams of a NATS namespace go with its scope, those of others stay', async (t) => {
  const scope = ownScope();
  const mine = testNats(scope);
  const other = testNats(t);
  const connection = await connect({ servers: mine.url });
  t.teardown(() => connection.close());
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: `${mine.namespace}_EVENTS`, subjects: [`${mine.namespace}.event.>`] });
  await manager.streams.add({ name: `${other.namespace}_EVENTS`, subjects: [`${other.namespace}.event.>`] });
  await scope.end();
  await t.rejects(manager.streams.info(`${mine.namespace}_EVENTS`));
  t.equal((await manager.streams.info(`${other.namespace}_EVENTS`)).config.name, `${other.namespace}_EVENTS`);
});

t.test('keys under a Redis prefix go with its scope, those of others stay', async (t) => {
  const scope = ownScope();
  const mine = testRedis(scope);
  const other = testRedis(t);
  const redis = new Redis(mine.url);
  t.teardown(() => redis.disconnect());
  await redis.mset({ [`${mine.prefix}a`]: '1', [`${mine.prefix}b`]: '2', [`${other.prefix}a`]: '3' });
  await scope.end();
  t.same(await redis.mget(`${mine.prefix}a`, `${mine.prefix}b`, `${other.prefix}a`), [null, null, '3']);
});

t.test('a webhook receiver keeps what it gets and answers as told', async (t) => {
  const receiver = await createWebhookReceiver(t);
  receiver.answerWith((_, index) =>
    index === 0 ? { status: 503, headers: { 'retry-after': '7' } } : { body: 'thanks' },
  );
  const post = () =>
    fetch(receiver.url, { method: 'POST', body: '{"a":1}', headers: { 'webhook-id': 'msg_1' } });
  const refused = await post();
  t.equal(refused.status, 503);
  t.equal(refused.headers.get('retry-after'), '7');
  t.equal(await (await post()).text(), 'thanks');
  const [first] = await receiver.received(2);
  t.match(first, { method: 'POST', path: '/webhooks', body: '{"a":1}', headers: { 'webhook-id': 'msg_1' } });
  receiver.answerWith({ hangUp: true });
  await t.rejects(post());
});

t.test('waiting gives the value once it is there, and says what it waited for in vain', async (t) => {
  let asked = 0;
  const value = await waitFor(() => {
    asked += 1;
    if (asked < 3) throw new Error('not yet');
    return asked;
  });
  t.equal(value, 3);
  const vain = waitFor(() => false, { timeoutMs: 20, what: 'the moon' });
  await t.rejects(vain, /Waited 20 ms in vain for the moon \(last seen: false\)/);
});
