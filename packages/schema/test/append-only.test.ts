import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { connect, sqlState } from '../src/index.ts';
import type { Database } from '../src/index.ts';

const { db, owner, ownerUrl } = await createTestDatabase(t);

const USER = '018f0000-0000-7000-8000-0000000000aa';
const PARTNER = '018f0000-0000-7000-8000-0000000000bb';
const COMMISSION = '018f0000-0000-7000-8000-0000000000cc';
const AUDIT = '018f0000-0000-7000-8000-0000000000dd';

await db.query(
  `insert into users (id, email, name, role, password_hash) values ($1, 'ada@example.com', 'Ada', 'admin', 'x')`,
  [USER],
);
await db.query(
  `insert into audit_logs (id, entity_type, entity_id, action, user_id, actor, changes)
   values ($1, 'commission', $2, 'created', $3, 'Ada', $4)`,
  [AUDIT, COMMISSION, USER, [{ field: 'status', oldValue: null, newValue: 'confirmed' }]],
);
await db.query(`insert into partners (id, name, email) values ($1, 'Partner', 'partner@example.com')`, [
  PARTNER,
]);
await db.query(
  `insert into commissions (id, kind, partner_id, status, commission_amount, order_amount, basis_amount, basis_left, currency)
   values ($1, 'bonus', $2, 'confirmed', 10, 0, 10, 0, 'USD')`,
  [COMMISSION, PARTNER],
);
await db.query(
  `insert into commission_entries (commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after,
     status_after, actor, at)
   values ($1, 1, $2, 'bonus', 'USD', 'created', 10, 10, 'confirmed', 'Ada', now())`,
  [COMMISSION, PARTNER],
);

const CHANGES = [
  'update audit_logs set reason = reason',
  `update audit_logs set user_id = null`,
  'delete from audit_logs',
  'truncate audit_logs',
  'update commission_entries set amount_delta = amount_delta',
  'delete from commission_entries',
  'truncate commission_entries',
  'truncate commissions cascade',
];

async function stateOf(database: Database, statement: string): Promise<string | undefined> {
  return database.query(statement).then(
    () => 'done',
    (error: unknown) => sqlState(error),
  );
}

t.test('the role of the services has no privilege to change history', async (t) => {
  for (const statement of CHANGES) t.equal(await stateOf(db, statement), '42501', statement);
});

t.test('even the owner is refused by triggers, in replication mode as well', async (t) => {
  for (const statement of CHANGES) t.equal(await stateOf(owner, statement), '23001', statement);
  const replica = connect({
    url: `${ownerUrl}?session_replication_role=replica`,
    applicationName: 'replica',
  });
  t.same(await replica.query(`select current_setting('session_replication_role') as mode`), [
    { mode: 'replica' },
  ]);
  for (const statement of CHANGES) t.equal(await stateOf(replica, statement), '23001', statement);
  await replica.close();
});

t.test('deleting a user takes the reference out of the audit trail and nothing else', async (t) => {
  const read = `select * from audit_logs where id = '${AUDIT}'`;
  const [before] = await db.query<Record<string, unknown>>(read);
  await db.query('delete from users where id = $1', [USER]);
  t.same(await db.query(read), [{ ...before, userId: null }]);
});
