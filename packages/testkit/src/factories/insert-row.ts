import type { Database, QueryParam } from '@tributary/schema';
import type * as tables from '@tributary/schema/tables';

type Tables = typeof tables;

/** The tables of the schema by the names they have in code. */
export type TableName = {
  [Name in keyof Tables]: Tables[Name] extends { $inferInsert: object } ? Name : never;
}[keyof Tables];

export type NewRow<Name extends TableName> = Tables[Name]['$inferInsert'];
export type Row<Name extends TableName> = Tables[Name]['$inferSelect'];

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Inserts one row as given, column defaults filling the rest, and returns it as it stands in the table.
 * No rules of the domain are applied: tests set up any state with it, and watch commands deal with that.
 */
export async function insertRow<Name extends TableName>(
  db: Database,
  table: Name,
  values: NewRow<Name>,
): Promise<Row<Name>> {
  const given = Object.entries(values).filter(
    (entry): entry is [string, QueryParam] => entry[1] !== undefined,
  );
  const columns = given.map(([column]) => snakeCase(column)).join(', ');
  const placeholders = given.map((_, index) => `$${index + 1}`).join(', ');
  const [row] = await db.query<Row<Name>>(
    `INSERT INTO ${snakeCase(table)} (${columns}) VALUES (${placeholders}) RETURNING *`,
    given.map(([, value]) => value),
  );
  if (row === undefined) throw new Error(`No row was inserted into ${snakeCase(table)}.`);
  return row;
}
