import { sql, type SQL } from 'drizzle-orm';
import { numeric, text, timestamp, uuid, type AnyPgColumn } from 'drizzle-orm/pg-core';
import { DEFAULT_PROGRAM } from '../constants.ts';

/** Primary id: a UUIDv7, made by whoever writes the row. */
export const id = () => uuid('id').notNull();

/** The programme a row belongs to; first in every unique key. */
export const programId = () => text('program_id').notNull().default(DEFAULT_PROGRAM);

/** An amount of money: exact, two decimals, always beside a currency. */
export const money = (name: string) => numeric(name, { precision: 14, scale: 2 });

/**
 * A moment, UTC on the wire. To the millisecond, as a JavaScript Date is: with Postgres's microseconds a value that was read
 * would not find its own row again, in a cursor or in the key of a partitioned table.
 */
export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });

export const createdAt = () => moment('created_at').notNull().defaultNow();
export const updatedAt = () => moment('updated_at').notNull().defaultNow();

/** `column IN (...)` for a check constraint, from the constants that the code uses. */
export const isOneOf = (column: AnyPgColumn, values: readonly string[]): SQL =>
  sql`${column} IN (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`;

/** An ISO 4217 code in capitals. */
export const isCurrency = (column: AnyPgColumn): SQL => sql`${column} ~ '^[A-Z]{3}$'`;
