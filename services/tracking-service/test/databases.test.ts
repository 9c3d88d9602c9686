import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { connectDatabases } from '../src/databases.ts';

t.test('commands are planned once per connection, lists for what they are asked', async (t) => {
  const { serviceUrl } = await createTestDatabase(t);
  const databases = connectDatabases({ DATABASE_URL: serviceUrl });
  t.teardown(() => databases.close());
  const mode = `SELECT current_setting('plan_cache_mode') AS mode`;
  t.same(await databases.db.query(mode), [{ mode: 'force_generic_plan' }]);
  t.same(await databases.reads.query(mode), [{ mode: 'auto' }]);
});
