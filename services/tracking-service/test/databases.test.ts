import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { connectDatabases } from '../src/databases.ts';

t.test('commands are planned once per connection, lists for what they are asked', async (t) => {
  const { serviceUrl } = await createTestDatabase(t);
  const { db, reads, close } = connectDatabases({ DATABASE_URL: serviceUrl });
  t.teardown(close);
  const mode = `SELECT current_setting('plan_cache_mode') AS mode`;
  t.same(await db.query(mode), [{ mode: 'force_generic_plan' }]);
  t.same(await reads.query(mode), [{ mode: 'auto' }]);
});
