import type { StoredEvent } from '@tributary/event-catalog';
import type { CommandContext } from '@tributary/http-kit';
import type { Database, QueryParam } from '@tributary/schema';
import { wireMoment } from '../wire-sql.ts';
import { endpointWire } from './endpoint-wire.ts';
import type { Endpoint } from './endpoint-wire.ts';

/** Who changes an endpoint: a person, a key, or the dispatcher itself. */
export type EndpointContext = Omit<CommandContext, 'actor' | 'requestId' | 'ipAddress' | 'userAgent'> & {
  readonly actor: {
    readonly kind: CommandContext['actor']['kind'] | 'system';
    readonly id: string | null;
    readonly name: string;
  };
  readonly requestId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
};

/** The actor of what the dispatcher does by itself. */
export const DISPATCHER = { kind: 'system', id: null, name: 'system:webhook-dispatcher' } as const;

export interface EndpointDeps {
  readonly db: Pick<Database, 'query'>;
  readonly publish: (events: readonly StoredEvent[]) => void;
}

/** Columns whose changes the audit trail shows, and their names on the wire. The secret is not among them. */
const AUDITED: readonly (readonly [column: string, field: string])[] = [
  ['url', 'url'],
  ['event_types', 'eventTypes'],
  ['description', 'description'],
  ['status', 'status'],
  ['disabled_reason', 'disabledReason'],
  ['rate_limit_per_second', 'rateLimitPerSecond'],
  ['retry_delays_seconds', 'retryDelaysSeconds'],
];

const sqlText = (values: readonly string[]): string =>
  `ARRAY[${values.map((value) => `'${value}'`).join(', ')}]`;

const AUDIT_CHANGES = `(
      SELECT coalesce(jsonb_agg(jsonb_build_object('field', f.field,
        'oldValue', coalesce(changed.was -> f.name, 'null'), 'newValue', changed.is_now -> f.name)), '[]')
      FROM unnest(${sqlText(AUDITED.map(([column]) => column))}, ${sqlText(AUDITED.map(([, field]) => field))})
        AS f (name, field)
      WHERE coalesce(changed.was -> f.name, 'null') <> changed.is_now -> f.name)`;

/** The first parameters of every statement on endpoints; those of the change follow from `$10`. */
const contextParams = (context: EndpointContext): QueryParam[] => [
  context.programId,
  { ...context.actor },
  context.actor.kind === 'user' ? context.actor.id : null,
  context.actor.name,
  context.requestId,
  context.ipAddress,
  context.userAgent,
  context.now,
  context.idempotency === undefined ? null : { ...context.idempotency },
];

/** Parameters of `context` that a change refers to by name. */
export const PROGRAM = '$1';
export const NOW = '$8::timestamptz';

export interface EndpointChange {
  /** Audit action: a past participle. */
  readonly action: string;
  /** SQL over `changed` that names the event's type. */
  readonly eventType: string;
  /**
   * An INSERT or UPDATE of `webhook_endpoints` without RETURNING, which the statement adds. Its parameters start at `$10`.
   */
  readonly change: string;
  /** SQL over `changed` for the answer; by default the endpoint. */
  readonly answer?: string;
}

/** What every event of an endpoint says, in SQL over its row. */
export const ENDPOINT_EVENT_DATA = `jsonb_build_object('endpointId', id, 'partnerId', partner_id, 'url', url,
        'status', status, 'eventTypes', to_jsonb(event_types), 'reason', disabled_reason,
        'failingSince', ${wireMoment('failing_since')})`;

/** The columns of a statement from which `storedEvent` makes what publishers take; the row of the outbox goes by `event`. */
export const STORED_EVENT = `jsonb_build_object('id', event.id, 'type', event.type, 'version', 1,
      'occurredAt', ${wireMoment('event.occurred_at')}, 'programId', event.program_id, 'subject', event.subject,
      'actor', event.actor, 'requestId', event.request_id, 'data', event.data) AS event,
    event.created_at AS event_created_at`;

export interface StoredEventColumns {
  readonly event: StoredEvent;
  readonly eventCreatedAt: Date;
}

export const storedEvent = ({ event, eventCreatedAt }: StoredEventColumns): StoredEvent => ({
  ...event,
  createdAt: eventCreatedAt,
});

/** What a change of endpoints returns to the statement around it. */
const CHANGED_ROW = 'RETURNING to_jsonb(old) AS was, to_jsonb(new) AS is_now, new.*';

/**
 * The change, its audit row, its event and the answer kept for an Idempotency-Key, in one statement. The user's id is
 * looked up, because a deleted user's last request must not fail on a foreign key.
 */
export function endpointStatement({ action, eventType, change, answer }: EndpointChange): string {
  const data = answer ?? endpointWire('changed');
  return `
  WITH changed AS (${change}
    ${CHANGED_ROW}
  ), audit AS (
    INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, user_id, actor, changes, reason, ip_address,
      user_agent, request_id, created_at)
    SELECT uuidv7(), program_id, 'webhook_endpoint', id::text, '${action}', (SELECT u.id FROM users u WHERE u.id = $3::uuid),
      $4, ${AUDIT_CHANGES}, disabled_reason, $6, $7, $5, ${NOW}
    FROM changed
  ), event AS (
    INSERT INTO outbox_events (id, program_id, type, subject, actor, request_id, data, occurred_at)
    SELECT uuidv7(), program_id, ${eventType}, jsonb_build_object('endpointId', id, 'partnerId', partner_id), $2, $5,
      ${ENDPOINT_EVENT_DATA}, ${NOW}
    FROM changed
    RETURNING *
  ), kept_answer AS (
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT changed.program_id, k.key ->> 'principal', k.key ->> 'method', k.key ->> 'path', k.key ->> 'key',
      k.key ->> 'bodyHash', (k.key ->> 'status')::int, jsonb_build_object('success', true, 'data', ${data})
    FROM changed, (SELECT $9::jsonb AS key) k WHERE k.key IS NOT NULL
  )
  SELECT ${data} AS answer,
    ${STORED_EVENT}
  FROM changed, event`;
}

/** Runs such a statement; undefined when it changed nothing. */
export async function runEndpointStatement<Answer = Endpoint>(
  { db, publish }: EndpointDeps,
  statement: string,
  context: EndpointContext,
  params: readonly QueryParam[],
): Promise<Answer | undefined> {
  const [row] = await db.query<StoredEventColumns & { readonly answer: Answer }>(statement, [
    ...contextParams(context),
    ...params,
  ]);
  if (row === undefined) return undefined;
  publish([storedEvent(row)]);
  return row.answer;
}
