import type { StoredEvent } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';

import type { CommandContext } from '../context.ts';
import {
  CHANGE_COLUMNS,
  changeRecord,
  commissionChanges,
  type CommissionChange,
} from './commission-changes.ts';
import { isFew } from './few.ts';
import type { ContextPlaceholders } from './parameters.ts';
import { eventJson } from './records.ts';
import { storedEvents } from './run.ts';
import { commissionWire } from './wire.ts';

/** A decided change with the context of whoever asked for it: changes of many callers share one statement. */
export interface ChangeInContext {
  change: CommissionChange;
  context: CommandContext;
}

/** Columns of `change` that hold its own context; the names are clear without an alias. */
const OWN_COLUMNS = {
  by_now: 'timestamptz',
  by_actor: 'jsonb',
  by_name: 'text',
  by_user: 'uuid',
  by_request: 'text',
  by_ip: 'text',
  by_agent: 'text',
  by_job: 'uuid',
  key_principal: 'text',
  key_method: 'text',
  key_path: 'text',
  key_key: 'text',
  key_body: 'text',
  key_status: 'int',
};

const OWN_CONTEXT: ContextPlaceholders = {
  programId: '$1::text',
  now: 'by_now',
  actor: 'by_actor',
  actorName: 'by_name',
  userId: 'by_user',
  requestId: 'by_request',
  ipAddress: 'by_ip',
  userAgent: 'by_agent',
  jobId: 'by_job',
};

function toRecord({ change, context }: ChangeInContext): Record<string, unknown> {
  const { actor, idempotency } = context;
  return {
    ...changeRecord(change),
    by_now: context.now,
    by_actor: actor,
    by_name: actor.name,
    by_user: actor.kind === 'user' ? actor.id : undefined,
    by_request: context.requestId ?? undefined,
    by_ip: context.ipAddress ?? undefined,
    by_agent: context.userAgent ?? undefined,
    by_job: context.jobId,
    key_principal: idempotency?.principal,
    key_method: idempotency?.method,
    key_path: idempotency?.path,
    key_key: idempotency?.key,
    key_body: idempotency?.bodyHash,
    key_status: idempotency?.status,
  };
}

const declared = Object.entries(OWN_COLUMNS).map(([name, type]) => `${name} ${type}`);
const returned = Object.keys(OWN_COLUMNS).map((name) => `, x.${name}`);

const SOURCE = `change AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($2::jsonb) AS x(${CHANGE_COLUMNS}, ${declared.join(', ')}) WHERE ${isFew('x.id')})`;

const KEPT_ANSWERS = `kept_answers AS (
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT r.program_id, key_principal, key_method, key_path, key_key, key_body, key_status,
      jsonb_build_object('success', true, 'data', ${commissionWire('r')})
    FROM changed r WHERE key_key IS NOT NULL)`;

/** Rows come first, each with the commission as the wire shows it, then events. */
const compose = (locks: 'wait' | 'skip', commission: string): string => `WITH ${[
  ...commissionChanges(OWN_CONTEXT, SOURCE, { locks, returned: returned.join('') }),
  KEPT_ANSWERS,
].join(',\n  ')}
SELECT r.id, ${commission} AS commission, NULL::json AS event FROM changed r
UNION ALL SELECT NULL, NULL, ${eventJson('e')} FROM changed_events e`;

/** Composed once: the same text finds its prepared statement, and nothing is put together for a command. */
const STATEMENTS = {
  group: compose('skip', `${commissionWire('r')}::text`),
  alone: compose('wait', `${commissionWire('r')}::text`),
  bulk: compose('wait', 'NULL::text'),
};

export interface Written {
  /** JSON text as the wire shows it; null in `bulk`. */
  commission: string | null;
  event: StoredEvent;
}

/**
 * Carries out changes of different commissions in one statement, each in its own context, with an answer kept for each that
 * came with an Idempotency-Key. Answers what was done, by commission; one whose row has moved on is left out.
 * `group` passes by rows that somebody holds locked, `alone` and `bulk` wait for them.
 */
export async function writeChanges(
  db: Database,
  how: keyof typeof STATEMENTS,
  programId: string,
  changes: readonly ChangeInContext[],
): Promise<Map<string, Written>> {
  const rows = await db.query<{ id: string | null; commission: string | null; event: unknown }>(
    STATEMENTS[how],
    [programId, changes.map(toRecord)],
  );
  const events = new Map(
    storedEvents(rows.flatMap(({ event }) => (event === null ? [] : [event]))).map(
      (event) => [event.subject['commissionId'], event] as const,
    ),
  );
  const written = new Map<string, Written>();
  for (const { id, commission } of rows) {
    const event = id === null ? undefined : events.get(id);
    if (id !== null && event !== undefined) written.set(id, { commission, event });
  }
  return written;
}
