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

const files = readdirSync(MIGRATIONS).filter((file) => file.endsWith('.sql'));

t.test('every migration only adds: the release before runs on the schema after it', async (t) => {
  t.ok(files.length > 5);
  for (const [index, file] of files.entries()) {
    // Before the first three there was no release: tables, their guards and the statement that requires rows.
    const sql = readFileSync(join(MIGRATIONS, file), 'utf8');
    t.same(breaksIn(sql, index < 3), [], file);
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
    'DROP INDEX "partners_tier"; CREATE INDEX "partners_colour" ON "partners" ("colour");',
    'CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE old; END $$;',
  ])
    t.same(breaksIn(statement), [], statement);
});
