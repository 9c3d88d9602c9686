import { createTestDatabase } from '@tributary/testkit';
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import t from 'tap';
import { SERVICE_ROLE } from '../src/index.ts';
import * as exported from '../src/tables/index.ts';

const { owner } = await createTestDatabase(t);

const tables = Object.values(exported)
  .filter((value) => is(value, PgTable))
  .map((table) => getTableConfig(table));

/** Unique keys without the programme, and why. */
const KEYS_OF_THE_INSTALLATION: Record<string, string> = {
  leases_pkey: 'a lease is held by one process of the installation',
  routing_weights_service_release_pk: 'traffic is split for all programmes alike',
  stream_positions_pkey: 'streams carry the events of all programmes',
  users_pkey: 'the audit trail refers to a user by id alone, so that it can be set to null',
  webhook_dispatchers_pkey: 'a dispatcher serves all programmes',
};

const isBookkeeping = `name = 'schema_migrations' or name ~ '_(default|p\\d{6,8})$'`;

async function names(query: string): Promise<string[]> {
  const rows = await owner.query<{ name: string }>(
    `select name from (${query}) as found (name) order by name collate "C"`,
  );
  return rows.map(({ name }) => name);
}

/** `numeric(14, 2)` of Drizzle and `numeric(14,2)` of Postgres are one type. */
function plain(type: string): string {
  return type.replaceAll(/ (?=\()|(?<=,) /g, '');
}

t.test('the database has the tables that Drizzle declares, no more and no fewer', async (t) => {
  const present = await names(
    `select name from (select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p'))
     as tables (name) where not (${isBookkeeping})`,
  );
  t.same(present, tables.map(({ name }) => name).sort());
});

t.test('and in them the same columns, types and nullability', async (t) => {
  const rows = await owner.query<{ table: string; column: string; type: string; required: boolean }>(
    `select relname::text as table, attname::text as column, format_type(atttypid, atttypmod) as type, attnotnull as required
     from pg_attribute join pg_class on pg_class.oid = attrelid
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and attnum > 0 and not attisdropped`,
  );
  for (const { name, columns } of tables) {
    const declared = columns.map(
      (column) => `${column.name} ${plain(column.getSQLType())}${column.notNull ? ' required' : ''}`,
    );
    const present = rows
      .filter(({ table }) => table === name)
      .map(({ column, type, required }) => `${column} ${type}${required ? ' required' : ''}`);
    t.same(present.sort(), declared.sort(), name);
  }
});

t.test('and the same indexes, checks and foreign keys by name', async (t) => {
  const indexes = tables.flatMap((table) => table.indexes.map(({ config }) => config.name ?? ''));
  t.same(
    await names(
      `select index.relname::text from pg_index join pg_class index on index.oid = indexrelid
         join pg_class owner on owner.oid = indrelid
       where owner.relnamespace = 'public'::regnamespace and not indisprimary and not owner.relispartition`,
    ),
    indexes.sort(),
  );
  const constraints = tables.flatMap((table) => [
    ...table.checks.map(({ name }) => name),
    ...table.foreignKeys.map((key) => key.getName()),
  ]);
  t.same(
    await names(
      `select conname::text from pg_constraint join pg_class on pg_class.oid = conrelid
       where connamespace = 'public'::regnamespace and contype in ('c', 'f') and not relispartition`,
    ),
    constraints.sort(),
  );
});

t.test('every unique key holds the programme, save those of the installation itself', async (t) => {
  const without = await names(
    `select index.relname::text from pg_index join pg_class index on index.oid = indexrelid
       join pg_class owner on owner.oid = indrelid
     where owner.relnamespace = 'public'::regnamespace and indisunique and not owner.relispartition
       and owner.relname <> 'schema_migrations'
       and not exists (select from pg_attribute where attrelid = indexrelid and attname = 'program_id')`,
  );
  t.same(without, Object.keys(KEYS_OF_THE_INSTALLATION).sort());
});

t.test('every exact number is money, numeric(14,2), or a known ratio', async (t) => {
  const ratios = new Set(['rate', 'commission_rate', 'attribution_weight']);
  const numbers = tables.flatMap(({ name, columns }) =>
    columns
      .filter((column) => column.getSQLType().startsWith('numeric') && !ratios.has(column.name))
      .map((column) => `${name}.${column.name} ${plain(column.getSQLType())}`),
  );
  t.ok(numbers.includes('commissions.commission_amount numeric(14,2)'));
  t.same(
    numbers.filter((number) => !number.endsWith(' numeric(14,2)')),
    [],
  );
  const inexact = tables.flatMap(({ columns }) =>
    columns.filter((column) => /real|double/.test(column.getSQLType())),
  );
  t.same(inexact, []);
});

t.test('moments have milliseconds, as the dates that JavaScript reads', async (t) => {
  const types = new Set(
    tables
      .flatMap(({ columns }) => columns.map((column) => column.getSQLType()))
      .filter((type) => type.startsWith('time')),
  );
  t.same([...types], ['timestamp (3) with time zone']);
});

t.test('the services may write what they must and delete only what is purged', async (t) => {
  const privileges = async (privilege: string): Promise<string[]> =>
    names(
      `select name from (select relname::text, has_table_privilege('${SERVICE_ROLE}', oid, '${privilege}') from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')) as tables (name, granted)
       where granted and not (${isBookkeeping})`,
    );
  const all = tables.map(({ name }) => name).sort();
  const writtenOnce = new Set(['audit_logs', 'commission_entries', 'commission_policy_versions', 'refunds']);
  const writtenByTrigger = 'policy_stacked_uses';
  const purged = [
    'consumed_events',
    'conversion_import_chunks',
    'dead_letters',
    'idempotency_keys',
    'job_results',
    'jobs',
    'leases',
    'refresh_tokens',
    'rollup_click_hours',
    'rollup_partner_days',
    'rollup_partner_hours',
    'rollup_policy_hours',
    'rollup_product_hours',
    'routing_weights',
    'users',
    'webhook_attempts',
    'webhook_deliveries',
    'webhook_dispatchers',
    'webhook_endpoints',
  ];
  t.same(await privileges('SELECT'), all);
  const written = all.filter((name) => name !== writtenByTrigger);
  t.same(await privileges('INSERT'), written);
  t.same(
    await privileges('UPDATE'),
    written.filter((name) => !writtenOnce.has(name)),
  );
  t.same(await privileges('DELETE'), purged);
  for (const none of ['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])
    t.same(await privileges(none), [], none);
  const [owned] = await owner.query<{ count: number }>(
    `select count(*)::int as count from pg_class where relowner = '${SERVICE_ROLE}'::regrole`,
  );
  t.equal(owned?.count, 0);
});
