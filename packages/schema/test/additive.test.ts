import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

const MIGRATIONS = join(import.meta.dirname, '../migrations');

/** Bodies of functions run later, and comments never. */
const withoutBodies = (sql: string): string =>
  sql.replaceAll(/\$(\w*)\$[^]*?\$\1\$/g, "''").replaceAll(/--.*$/gm, '');

const TABLE = /"?(?:public"?\.)?"?(\w+)"?/;
const CREATED = new RegExp(`CREATE TABLE (?:IF NOT EXISTS )?${TABLE.source}`, 'gi');
const ALTERED = new RegExp(`ALTER TABLE (?:ONLY )?${TABLE.source}`, 'i');

/** What a process of the release before would stumble over, were the statement carried out while it runs. */
const BREAKING: readonly (readonly [says: string, pattern: RegExp])[] = [
  ['drops what is read or written', /\bDROP (TABLE|COLUMN|VIEW|FUNCTION|TYPE|SCHEMA)\b/i],
  ['renames', /\bRENAME\b/i],
  ['changes the type of a column', /\bALTER COLUMN\b.*\bTYPE\b/i],
  ['takes a default away', /\bALTER COLUMN\b.*\bDROP DEFAULT\b/i],
  ['asks for a value that was not asked for', /\bALTER COLUMN\b.*\bSET NOT NULL\b/i],
  ['takes rights away', /\bREVOKE\b/i],
];
const NEW_COLUMN_WITHOUT_VALUE = /\bADD COLUMN\b(?!.*\bDEFAULT\b).*\bNOT NULL\b/is;
const NEW_RULE = /\bADD CONSTRAINT\b/i;
const DROPPED_INDEX = /\bDROP INDEX\b/i;
const NEW_INDEX = new RegExp(
  `CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?"?\\w+"? ON (?:ONLY )?${TABLE.source}`,
  'gi',
);
/** Those before have been applied as they are. */
const FIRST_WITH_INDEXES_APART = 15;

/** Where a migration would break the release before; tables that it makes itself are nobody's yet. */
function breaksIn(sql: string, isFirst = false): string[] {
  const text = withoutBodies(sql);
  const own = new Set([...text.matchAll(CREATED)].map(([, table]) => table));
  return text.split(';').flatMap((statement) => {
    const line = statement.trim().replaceAll(/\s+/g, ' ').slice(0, 120);
    const [, table] = ALTERED.exec(statement) ?? [];
    if (isFirst || (table !== undefined && own.has(table))) return [];
    const found = BREAKING.filter(([, pattern]) => pattern.test(line)).map(([says]) => says);
    if (NEW_COLUMN_WITHOUT_VALUE.test(statement))
      found.push('adds a column that the release before does not fill');
    if (table !== undefined && NEW_RULE.test(statement)) found.push('adds a rule that it may not keep');
    return found.map((says) => `${says}: ${line}`);
  });
}

/**
 * Dropping an index closes its table to readers as well until the transaction ends. Before a new one is built, for as long
 * as that takes; after it, the build is done anew whenever a reader keeps the table for longer than a migration waits. So the new
 * one comes first, and the old one goes with a later release.
 */
function swapsIndexes(sql: string): boolean {
  const text = withoutBodies(sql);
  const own = new Set([...text.matchAll(CREATED)].map(([, table]) => table));
  const made = [...text.matchAll(NEW_INDEX)].filter(([, table]) => !own.has(table));
  return DROPPED_INDEX.test(text) && made.length > 0;
}

const files = readdirSync(MIGRATIONS)
  .filter((file) => file.endsWith('.sql'))
  .sort();

t.test('every migration only adds: the release before runs on the schema after it', async (t) => {
  t.ok(files.length > 5);
  for (const [index, file] of files.entries()) {
    // Before the first three there was no release: tables, their guards and the statement that requires rows.
    const sql = readFileSync(join(MIGRATIONS, file), 'utf8');
    t.same(breaksIn(sql, index < 3), [], file);
    t.notOk(index >= FIRST_WITH_INDEXES_APART && swapsIndexes(sql), `${file} does not exchange an index`);
  }
});

t.test('what would break it is seen', async (t) => {
  for (const statement of [
    'ALTER TABLE "partners" DROP COLUMN "tier";',
    'DROP TABLE partners;',
    'ALTER TABLE partners RENAME COLUMN tier TO level;',
    'ALTER TABLE "partners" ALTER COLUMN "tier" SET DATA TYPE integer;',
    'ALTER TABLE "partners" ALTER COLUMN "tier" SET NOT NULL;',
    'ALTER TABLE "partners" ALTER COLUMN "tier" DROP DEFAULT;',
    'ALTER TABLE "partners" ADD COLUMN "colour" text NOT NULL;',
    'ALTER TABLE "partners" ADD CONSTRAINT "tall" CHECK (height > 2);',
    'REVOKE INSERT ON partners FROM tributary_service;',
  ])
    t.equal(breaksIn(statement).length, 1, statement);
});

t.test('what only adds is let through', async (t) => {
  for (const statement of [
    'ALTER TABLE "partners" ADD COLUMN "colour" text;',
    `ALTER TABLE "partners" ADD COLUMN "colour" text DEFAULT 'red' NOT NULL;`,
    'CREATE TABLE "colours" ("name" text NOT NULL); ALTER TABLE "colours" ADD CONSTRAINT "short" CHECK (length(name) < 9);',
    'DROP INDEX "partners_tier";',
    'CREATE INDEX "partners_colour" ON "partners" ("colour");',
    'CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE old; END $$;',
  ])
    t.same(breaksIn(statement), [], statement);
});

t.test('an index that takes the place of another comes a release before it goes', async (t) => {
  for (const statement of [
    'DROP INDEX "partners_tier"; CREATE INDEX "partners_colour" ON "partners" ("colour");',
    'DROP INDEX IF EXISTS partners_tier; --> statement-breakpoint\nCREATE UNIQUE INDEX IF NOT EXISTS p ON public.partners (a);',
    'CREATE INDEX "partners_colour" ON ONLY "partners" ("colour"); DROP INDEX "partners_tier";',
  ])
    t.ok(swapsIndexes(statement), statement);
  for (const statement of [
    'DROP INDEX "partners_tier"; ALTER TABLE "partners" ADD COLUMN "colour" text;',
    'CREATE INDEX "partners_colour" ON "partners" ("colour");',
    'DROP INDEX "partners_tier"; CREATE TABLE "colours" ("name" text); CREATE INDEX "by_name" ON "colours" ("name");',
  ])
    t.notOk(swapsIndexes(statement), statement);
});
