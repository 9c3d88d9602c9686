import type { EventSubject, StoredEvent } from '@tributary/event-catalog';
import { constraintName, sqlState, type Database } from '@tributary/schema';

import type { CommandContext } from '../context.ts';
import type { Parameters } from './parameters.ts';

/** Raised by `require_rows()`, fewer rows were written than had been decided upon; and a deadlock that somebody else won. */
const OUTDATED_STATES: ReadonlySet<string | undefined> = new Set(['TR001', '40P01']);

/** A refund with the same id came in between, of another line of the order: lines are locked, orders are not. */
const OUTDATED_KEYS: ReadonlySet<string | undefined> = new Set(['refunds_refund_id_key']);

/** Whether a statement was undone because what it was decided upon had changed: to be decided again. */
export const isOutdated = (error: unknown): boolean =>
  OUTDATED_STATES.has(sqlState(error)) || OUTDATED_KEYS.has(constraintName(error));

/** Composes the statement: its CTEs, and what it answers. */
export function composeStatement(ctes: readonly string[], answers: Record<string, string>): string {
  const columns = Object.entries(answers).map(([name, expression]) => `${expression} AS ${name}`);
  return `WITH ${ctes.join(',\n  ')}\nSELECT ${columns.join(',\n  ')}`;
}

/** `require_rows(found, expected)`: aborts the whole statement where a row had moved on. */
export const requireRows = (from: string, expected: string): string =>
  `require_rows((SELECT count(*) FROM ${from}), ${expected})`;

type WrittenEvent = { id: string; type: string; subject: EventSubject; createdAt: string };

/** Runs a composed statement and answers its one row. */
export async function runStatement<Row extends object>(
  db: Database,
  text: string,
  parameters: Parameters,
): Promise<Row | undefined> {
  const [row] = await db.query<Row>(text, parameters.values);
  return row;
}

/** As `runStatement`; nothing where it was undone because what it was decided upon had changed: to be decided again. */
export async function runDecided<Row extends object>(
  db: Database,
  text: string,
  parameters: Parameters,
): Promise<Row | undefined> {
  try {
    return await runStatement<Row>(db, text, parameters);
  } catch (error) {
    if (isOutdated(error)) return undefined;
    throw error;
  }
}

/** What `eventsInContext` answers: of each event its id, type, subject and data. */
export interface EventsInContext {
  createdAt: string;
  events: readonly (readonly [string, string, EventSubject, unknown])[];
}

/** Events as a statement answered them by `eventsInContext`, in the form that publishers take. */
export function storedEventsIn(
  { now, programId, actor, requestId }: CommandContext,
  { createdAt, events }: EventsInContext,
): StoredEvent[] {
  const occurredAt = now.toISOString();
  const written = new Date(createdAt);
  return events.map(
    ([id, type, subject, data]) =>
      ({
        id,
        type,
        version: 1,
        occurredAt,
        programId,
        subject,
        actor,
        requestId,
        data,
        createdAt: written,
      }) as unknown as StoredEvent,
  );
}

/** Events as the statement answered them, in the form that publishers take. */
export function storedEvents(written: readonly unknown[]): StoredEvent[] {
  return (written as readonly WrittenEvent[]).map(
    (event) => ({ ...event, createdAt: new Date(event.createdAt) }) as unknown as StoredEvent,
  );
}
