import {
  addContext,
  auditInsert,
  composeStatement,
  eventsOf,
  idempotencyInsert,
  outboxInsert,
  Parameters,
  runDecided,
  storedEvents,
  type CommandContext,
  type CommandDeps,
  type ContextPlaceholders,
} from '@tributary/commissions';
import type { EventType } from '@tributary/event-catalog';
import type { FieldChange } from './field-changes.ts';

/** What is written besides the record itself. Texts are SQL over the rows of the CTE `written`, named `r`. */
export interface RecordedWrite {
  /** The CTEs of the change. One is called `written`: the rows that changed, each with one audit row. */
  readonly ctes: readonly string[];
  readonly entityType: string;
  readonly entityId: string;
  readonly action: string;
  /** A jsonb array of field changes. */
  readonly changes: string;
  readonly reason?: string | undefined;
  readonly events: readonly {
    readonly type: EventType;
    readonly subject: string;
    readonly data: string;
    /** Of which of the rows; default all. */
    readonly where?: string;
  }[];
  /** The JSON of the answer's `data`; null when nothing was written. */
  readonly answer: string;
  /** Conditions (`requireRows`) without which the whole statement is undone. */
  readonly requires?: Readonly<Record<string, string>>;
}

/**
 * Writes a record with its audit row, its events and the answer kept for its Idempotency-Key in one statement, and
 * publishes the events.
 * @returns the JSON text of the answer's data; undefined when the record had moved on and nothing was written
 */
export async function writeRecorded(
  deps: CommandDeps,
  context: CommandContext,
  build: (parameters: Parameters, c: ContextPlaceholders) => RecordedWrite,
): Promise<string | undefined> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const write = build(parameters, c);
  const eventNames = write.events.map((_event, index) => `written_event_${index}`);
  const ctes = [
    ...write.ctes,
    auditInsert(c, 'written_audit', {
      entityType: `'${write.entityType}'`,
      entityId: write.entityId,
      action: `'${write.action}'`,
      changes: write.changes,
      reason: parameters.add(write.reason ?? null, 'text'),
      reasonCode: 'NULL::text',
      from: 'written r',
    }),
    ...write.events.map(({ type, subject, data, where = 'TRUE' }, index) =>
      outboxInsert(c, `written_event_${index}`, {
        type: `'${type}'`,
        subject,
        data,
        from: `written r WHERE ${where}`,
      }),
    ),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: write.answer, from: 'written' }),
  ];
  const text = composeStatement(ctes, {
    ...write.requires,
    answer: `${write.answer}::text`,
    // Without events nothing else names the actor's parameter, and Postgres wants to see each one.
    ...(eventNames.length === 0
      ? { events: `'[]'::json`, actor: c.actor }
      : { events: eventsOf(eventNames) }),
  });
  const row = await runDecided<{ answer: string | null; events: unknown[] }>(deps.db, text, parameters);
  if (row === undefined || row.answer === null) return undefined;
  deps.publish(storedEvents(row.events));
  return row.answer;
}

/** The names of changed fields as events carry them. */
export const namesOf = (changes: readonly FieldChange[]): string[] => changes.map(({ field }) => field);
