import type { IdempotencyClaim } from '../context.ts';
import type { ContextPlaceholders, Parameters } from './parameters.ts';
import { instant } from './wire.ts';

/** What an audit row says, as SQL over `from`. */
export interface AuditSource {
  entityType: string;
  entityId: string;
  action: string;
  changes: string;
  reason: string;
  reasonCode: string;
  from: string;
}

/** A CTE that writes one audit row for each row of `from`; expressions are SQL over it. */
export const auditInsert = (
  c: ContextPlaceholders,
  name: string,
  source: AuditSource,
): string => `${name} AS (
    INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, user_id, actor, changes, reason, reason_code,
      ip_address, user_agent, request_id, job_id, created_at)
    SELECT uuidv7(), ${c.programId}, ${source.entityType}, ${source.entityId}, ${source.action}, ${c.userId}, ${c.actorName},
      ${source.changes}, ${source.reason}, ${source.reasonCode}, ${c.ipAddress}, ${c.userAgent}, ${c.requestId}, ${c.jobId},
      ${c.now} FROM ${source.from})`;

interface OutboxSource {
  type: string;
  subject: string;
  data: string;
  from: string;
}

/** A CTE that writes one event for each row of `from` and returns it. */
export const outboxInsert = (
  c: ContextPlaceholders,
  name: string,
  source: OutboxSource,
): string => `${name} AS (
    INSERT INTO outbox_events (id, program_id, type, subject, actor, request_id, data, occurred_at)
    SELECT uuidv7(), ${c.programId}, ${source.type}, ${source.subject}, ${c.actor}, ${c.requestId},
      ${source.data}, ${c.now} FROM ${source.from}
    RETURNING *)`;

/**
 * A CTE that keeps the answer under the caller's Idempotency-Key, where there is one and rows of `from` exist. A second
 * caller with the same key waits here for the first one's commit and then fails on the key: nothing is done twice.
 */
export function idempotencyInsert(
  parameters: Parameters,
  c: ContextPlaceholders,
  claim: IdempotencyClaim | undefined,
  answer: { data: string; from: string },
): string[] {
  if (claim === undefined) return [];
  const text = (value: string) => parameters.add(value, 'text');
  return [
    `kept_answer AS (
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT ${c.programId}, ${text(claim.principal)}, ${text(claim.method)}, ${text(claim.path)}, ${text(claim.key)},
      ${text(claim.bodyHash)}, ${parameters.add(claim.status, 'int')},
      jsonb_build_object('success', true, 'data', ${answer.data})
    WHERE EXISTS (SELECT FROM ${answer.from}))`,
  ];
}

/** The event `e` as JSON, in the form that publishers take (occurredAt and createdAt as text). */
export const eventJson = (
  e: string,
): string => `json_build_object('id', ${e}.id, 'type', ${e}.type, 'version', 1,
      'occurredAt', ${instant(`${e}.occurred_at`)}, 'programId', ${e}.program_id,
      'subject', ${e}.subject, 'actor', ${e}.actor, 'requestId', ${e}.request_id, 'data', ${e}.data,
      'createdAt', ${instant(`${e}.created_at`)})`;

/** When rows of the outbox say that they were written: one moment a statement, and so one look at the calendar. */
const CREATED_AT = instant(`date_trunc('milliseconds', now())`);

/**
 * The events of these CTEs, all of one context, without what they share with it: `storedEventsIn` completes them. Twice as fast as
 * `eventsOf` where a statement writes hundreds.
 */
export const eventsInContext = (
  names: readonly string[],
): string => `json_build_object('createdAt', ${CREATED_AT}, 'events', (
    SELECT coalesce(json_agg(json_build_array(e.id, e.type, e.subject, e.data) ORDER BY e.id), '[]'::json)
    FROM (${names.map((name) => `SELECT id, type, subject, data FROM ${name}`).join(' UNION ALL ')}) e))`;

/** The events of these CTEs as one JSON array. */
export const eventsOf = (names: readonly string[]): string => `(
    SELECT coalesce(json_agg(${eventJson('e')} ORDER BY e.id), '[]'::json)
    FROM (${names.map((name) => `SELECT * FROM ${name}`).join(' UNION ALL ')}) e)`;
