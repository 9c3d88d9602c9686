import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createTestDatabase, uniqueName } from '@tributary/testkit';
import postgres from 'postgres';
import t from 'tap';
import { connect, migrate, SERVICE_ROLE } from '../src/index.ts';

const { owner, ownerUrl } = await createTestDatabase(t);

const journal = JSON.parse(
  await readFile(new URL('../migrations/meta/_journal.json', import.meta.url), 'utf8'),
) as {
  entries: { tag: string }[];
};
const APPLYING = journal.entries.map(({ tag }) => `applying migration ${tag}`);

async function emptyDatabase(): Promise<string> {
  const name = uniqueName('empty_');
  await owner.query(`create database ${name} template template0`);
  t.teardown(async () => {
    const cleaner = connect({ url: ownerUrl, applicationName: 'cleaner', maxConnections: 1 });
    await cleaner.query(`drop database ${name} with (force)`);
    await cleaner.close();
  });
  const url = new URL(ownerUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function countTables(url: string): Promise<number> {
  const db = connect({ url, applicationName: 'count' });
  const [row] = await db.query<{ count: number }>(
    `select count(*)::int as count from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  );
  await db.close();
  return row?.count ?? 0;
}

async function runCli(env: Record<string, string>): Promise<{ code: number; output: string }> {
  const cli = fileURLToPath(new URL('../src/migrate-cli.ts', import.meta.url));
  const run = promisify(execFile)(process.execPath, [cli], { env });
  return run.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, output: error.stderr }),
  );
}

t.test(
  'several migrations of several databases of one server, all at once, end as one each would',
  async (t) => {
    const [first, second] = await Promise.all([emptyDatabase(), emptyDatabase()]);
    const lines: string[] = [];
    await Promise.all(
      [first, second, first, second, first].map((url) => migrate(url, (line) => lines.push(line))),
    );
    t.same(lines.sort(), [...APPLYING, ...APPLYING].sort());
    t.equal(await countTables(first), await countTables(ownerUrl));
  },
);

t.test('a migration edited after it was applied is refused, and nothing changes', async (t) => {
  const url = await emptyDatabase();
  await migrate(url);
  const db = connect({ url, applicationName: 'tamper' });
  await db.query(`update schema_migrations set sha256 = 'other' where tag = '0000_tables'`);
  await t.rejects(migrate(url), { message: /0000_tables was changed after this database had applied it/ });
  await db.close();
});

t.test('a migration that fails leaves an empty database, ready for the next try', async (t) => {
  const url = await emptyDatabase();
  const db = connect({ url, applicationName: 'obstacle' });
  await db.query('create table audit_logs (id int)');
  await t.rejects(migrate(url), { code: '42P07' });
  t.equal(await countTables(url), 1);
  await db.query('drop table audit_logs');
  await db.close();
  await migrate(url);
  t.equal(await countTables(url), await countTables(ownerUrl));
});

t.test('a table in use is waited for without stopping anybody, and not for ever', async (t) => {
  const url = await emptyDatabase();
  await migrate(url);
  const user = postgres(url, { max: 1, onnotice: () => undefined });
  const serviceUrl = Object.assign(new URL(url), { username: SERVICE_ROLE }).href;
  const service = connect({ url: serviceUrl, applicationName: 'service' });
  t.teardown(() => Promise.all([user.end(), service.close()]));
  await user.unsafe('drop index referral_clicks_sub_id');
  await user.unsafe(`delete from schema_migrations where tag = '0014_clicks_by_sub_id'`);
  await user.unsafe('begin; lock table referral_clicks in row exclusive mode');
  await t.rejects(migrate(url, undefined, 0), { message: /^Nothing was changed: .* stayed in use/ });

  const lines: string[] = [];
  const hasWaited = (): boolean => lines.some((line) => line.startsWith('a table is in use'));
  const waiting = migrate(url, (line) => lines.push(line));
  // What is written queues behind a migration that waits, and fails after 2 s.
  while (!hasWaited()) await service.query(`update referral_clicks set status = 'valid' where false`);
  await user.unsafe('commit');
  await waiting;
  t.same(lines, [
    'applying migration 0014_clicks_by_sub_id',
    'a table is in use by somebody else: trying again for 10 minutes',
  ]);
});

t.test('npm run db:migrate says what it did, or in one sentence what it lacks', async (t) => {
  const url = await emptyDatabase();
  t.same(await runCli({ DATABASE_URL: url }), {
    code: 0,
    output: [...APPLYING, 'The database is up to date.', ''].join('\n'),
  });
  t.match(await runCli({}), { code: 1, output: /^DATABASE_URL must name the database as its owner: .*\n$/ });
});
