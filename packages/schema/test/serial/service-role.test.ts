import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { migrate } from '../../src/index.ts';

// Serial: the role belongs to the whole server, on which other files rely on its time-outs.
const { owner, ownerUrl } = await createTestDatabase(t);

t.test('a role of the services that lost a time-out gets it back by migrating', async (t) => {
  await owner.query('alter role tributary_service reset lock_timeout');
  await Promise.all([migrate(ownerUrl), migrate(ownerUrl)]);
  const [role] = await owner.query<{ config: string[] }>(
    `select setconfig as config from pg_db_role_setting where setrole = 'tributary_service'::regrole and setdatabase = 0`,
  );
  t.same(role?.config.toSorted(), [
    'idle_in_transaction_session_timeout=10s',
    'lock_timeout=2s',
    'statement_timeout=5s',
  ]);
});
