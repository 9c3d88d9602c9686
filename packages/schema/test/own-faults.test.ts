import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';

import { DatabaseUnavailableError, sqlState } from '../src/index.ts';

const { db } = await createTestDatabase(t);

t.test('a message that the server cannot read is a fault of ours, not a server that is away', async (t) => {
  const failed = db.query('SELECT $1::int AS value', []);
  await t.rejects(failed, { code: '08P01' });
  const error: unknown = await failed.catch((reason: unknown) => reason);
  t.equal(sqlState(error), '08P01');
  t.notOk(error instanceof DatabaseUnavailableError);
  t.same(await db.query('SELECT $1::int AS value', [7]), [{ value: 7 }], 'and the connection goes on');
});
