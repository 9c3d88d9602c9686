import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { sqlState } from './errors.ts';
import { assertSupportedServer } from './server-version.ts';
import { ensureServiceRole } from './service-role.ts';

type Log = (line: string) => void;

interface Migration {
  tag: string;
  text: string;
  sha256: string;
}

const MIGRATIONS = new URL('../migrations/', import.meta.url);
/** Partitions that a fresh database starts with; a job of the batch scheduler makes the later ones. */
const FIRST_PARTITION_DAYS = 7;
/** Any number that nobody else uses: two migrations of one database run one after the other. */
const MIGRATION_LOCK = 7_411_020_914;

/**
 * Whoever comes after a migration that waits for a table waits as well, even to read. Services wait 2 s for a lock before they
 * fail: less than that, and nobody fails because a migration waits for a long export. More than `deadlock_timeout` (1 s), for
 * only then does Postgres cancel an autovacuum that is in the way.
 */
const LOCK_TIMEOUT = '1500ms';
/** `lock_not_available` and `deadlock_detected`: it may go well the next time. */
const IN_USE: ReadonlySet<string | undefined> = new Set(['55P03', '40P01']);
/** Between two tries: whoever waited gets through, and a migration of minutes is not begun anew at once. */
const PAUSE_MS = 4_000;
/** How long tables may stay in use; longer than the exports that do so. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Texts that count as applied beside the present ones. 0013 once read a catalogue that only superusers may read; to databases that
 * applied it then, 0015 brings what it says now.
 */
const FORMER_SHA256: Readonly<Record<string, string>> = {
  '0013_first_statistics': '9fef0222b81bdfb5f18ec775220fa1dd4b421bd7070e91c838e9e08d7af39f95',
};

/**
 * Brings the database up to this version of the schema, as its owner. All of it in one transaction, under an advisory lock: it is
 * applied or it is not, and several at once are harmless. Tables that are in use are tried again, for ten minutes unless told
 * otherwise. Throws where they stay so, on a Postgres older than 18, and on a migration that was edited after it had been applied.
 */
export async function migrate(
  ownerUrl: string,
  log: Log = () => undefined,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const migrations = await readMigrations();
  const sql = postgres(ownerUrl, {
    max: 1,
    connect_timeout: 10,
    onnotice: () => undefined,
    connection: { application_name: 'tributary migrate' },
  });
  try {
    await refuseOldServer(sql);
    await ensureServiceRole(sql);
    await applyOnceFree(sql, migrations, { log: onceEach(log), patienceMs });
    await sql.unsafe('select ensure_partitions(now(), $1)', [FIRST_PARTITION_DAYS]);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function refuseOldServer(sql: postgres.Sql): Promise<void> {
  const [server] = await sql<{ number: number; version: string }[]>`
    select current_setting('server_version_num')::int as number, split_part(current_setting('server_version'), ' ', 1) as version`;
  if (server !== undefined) assertSupportedServer(server.number, server.version);
}

async function applyOnceFree(
  sql: postgres.Sql,
  migrations: Migration[],
  { log, patienceMs }: { log: Log; patienceMs: number },
): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    try {
      await sql.begin((transaction) => applyMissing(transaction, migrations, log));
      return;
    } catch (error) {
      if (!IN_USE.has(sqlState(error))) throw error;
      if (Date.now() + PAUSE_MS > until)
        throw new Error(
          'Nothing was changed: a table that a migration changes stayed in use. See pg_stat_activity for whoever reads or writes it for long, then migrate again.',
          { cause: error },
        );
      log(`a table is in use by somebody else: trying again for ${Math.ceil(patienceMs / 60_000)} minutes`);
      await delay(PAUSE_MS);
    }
  }
}

/** Every try would say the same. */
function onceEach(log: Log): Log {
  const said = new Set<string>();
  return (line) => {
    if (said.has(line)) return;
    said.add(line);
    log(line);
  };
}

async function applyMissing(sql: postgres.TransactionSql, migrations: Migration[], log: Log): Promise<void> {
  await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`;
  await sql.unsafe(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
  await sql`create table if not exists schema_migrations (
    tag text primary key, sha256 text not null, applied_at timestamptz not null default now())`;
  const rows = await sql<{ tag: string; sha256: string }[]>`select tag, sha256 from schema_migrations`;
  const applied = new Map(rows.map(({ tag, sha256 }) => [tag, sha256]));
  for (const { tag, text, sha256 } of migrations) {
    const known = applied.get(tag);
    if (known === undefined) {
      log(`applying migration ${tag}`);
      await sql.unsafe(text);
      await sql`insert into schema_migrations (tag, sha256) values (${tag}, ${sha256})`;
    } else if (known !== sha256 && known !== FORMER_SHA256[tag]) {
      throw new Error(
        `Migration ${tag} was changed after this database had applied it: add a new migration instead.`,
      );
    }
  }
}

/** The checked-in migrations in the order of Drizzle's journal. */
async function readMigrations(): Promise<Migration[]> {
  const journal: unknown = JSON.parse(await readFile(new URL('meta/_journal.json', MIGRATIONS), 'utf8'));
  const { entries } = journal as { entries: { tag: string }[] };
  return Promise.all(
    entries.map(async ({ tag }) => {
      const text = await readFile(new URL(`${tag}.sql`, MIGRATIONS), 'utf8');
      return { tag, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}
