import { startOwnPostgres } from '@tributary/testkit';
import t from 'tap';

import { connect, ensurePartitions, migrate } from '../src/index.ts';

// A server of its own: who makes the services' role matters here, and elsewhere a superuser has made it.
const server = await startOwnPostgres(t);
const admin = connect({ url: server.url, applicationName: 'test-admin', maxConnections: 1 });
t.teardown(() => admin.close());
await admin.query('DROP OWNED BY tributary_service');
await admin.query('DROP ROLE tributary_service');

/** What databases have that applied 0013 before owners could. */
const OLD_HASH = '9fef0222b81bdfb5f18ec775220fa1dd4b421bd7070e91c838e9e08d7af39f95';
const OLD_FUNCTION = `
  CREATE OR REPLACE FUNCTION assume_one_program(relation regclass) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
  BEGIN
    PERFORM FROM pg_statistic WHERE starelid = relation;
  END $$`;

const addressOf = (user: string, database: string): string =>
  Object.assign(new URL(server.url), { username: user, pathname: `/${database}` }).href;

async function emptyDatabaseOf(owner: string, rights: string): Promise<string> {
  await admin.query(`CREATE ROLE ${owner} LOGIN NOSUPERUSER ${rights}`);
  await admin.query(`CREATE DATABASE of_${owner} OWNER ${owner} TEMPLATE template0`);
  return addressOf(owner, `of_${owner}`);
}

t.test('an owner who is no superuser migrates an empty database, and services work in it', async (t) => {
  const url = await emptyDatabaseOf('maker', 'CREATEROLE');
  await migrate(url);
  await migrate(url);
  const service = connect({ url: addressOf('tributary_service', 'of_maker'), applicationName: 'test' });
  t.teardown(() => service.close());
  t.ok((await ensurePartitions(service, new Date('2033-02-01T00:00:00Z'), 0)) > 0);
  const owner = connect({ url, applicationName: 'test', maxConnections: 1 });
  t.teardown(() => owner.close());
  const unknown = await owner.query(
    `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'program_id'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT EXISTS (
       SELECT FROM pg_stats s WHERE s.tablename = c.relname AND s.attname = 'program_id' AND s.n_distinct = 1
         AND s.inherited = (c.relkind = 'p'))`,
  );
  t.same(unknown, []);
});

t.test('an owner who may not change roles is told what others have to do, and then migrates', async (t) => {
  const url = await emptyDatabaseOf('tenant', 'NOCREATEROLE');
  await admin.query('ALTER ROLE tributary_service RESET lock_timeout');
  const mending = `ALTER ROLE tributary_service SET lock_timeout = '2s'`;
  await t.rejects(migrate(url), { message: new RegExp(`may not change roles.* again: ${mending}$`) });
  await admin.query(mending);
  await t.resolves(migrate(url));
});

t.test('a database that applied 0013 as it was goes on, whoever owns it then', async (t) => {
  const url = await emptyDatabaseOf('heir', 'NOCREATEROLE');
  await migrate(url);
  const owner = connect({ url, applicationName: 'test', maxConnections: 1 });
  t.teardown(() => owner.close());
  await owner.query(OLD_FUNCTION);
  await owner.query(`UPDATE schema_migrations SET sha256 = $1 WHERE tag = '0013_first_statistics'`, [
    OLD_HASH,
  ]);
  await owner.query(`DELETE FROM schema_migrations WHERE tag = '0015_first_statistics_for_owners'`);
  const lines: string[] = [];
  await migrate(url, (line) => lines.push(line));
  t.match(lines, ['applying migration 0015_first_statistics_for_owners']);
  await owner.query(`SELECT assume_one_program('partners')`);
});
