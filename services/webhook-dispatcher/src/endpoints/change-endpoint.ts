import { endpointStatement, NOW, PROGRAM, runEndpointStatement } from './endpoint-statement.ts';
import type { EndpointContext, EndpointDeps } from './endpoint-statement.ts';
import type { Endpoint } from './endpoint-wire.ts';
import { findEndpoint } from './find-endpoint.ts';

/** What may change; absent fields stay as they are. */
export interface EndpointChanges {
  readonly url?: string | undefined;
  readonly eventTypes?: readonly string[] | undefined;
  readonly description?: string | null | undefined;
  readonly rateLimitPerSecond?: number | undefined;
  readonly retryDelaysSeconds?: readonly number[] | null | undefined;
  readonly status?: 'enabled' | 'disabled' | undefined;
}

export interface EndpointTargeted {
  readonly id: string;
  readonly ownPartnerId: string | undefined;
  /** From `If-Match`. */
  readonly expectedVersion: number | undefined;
}

export type ChangeEndpointOutcome =
  | { readonly outcome: 'done'; readonly endpoint: Endpoint }
  | { readonly outcome: 'not_found' }
  | { readonly outcome: 'version_mismatch' };

/** `$10` id, `$11` own partner, `$12` expected version. */
const TARGETED = `e.program_id = ${PROGRAM} AND e.id = $10::uuid AND e.deleted_at IS NULL
      AND ($11::uuid IS NULL OR e.partner_id = $11::uuid) AND ($12::int IS NULL OR e.version = $12::int)`;

const given = (field: string, value: string, column: string): string =>
  `${column} = CASE WHEN jsonb_exists($13::jsonb, '${field}') THEN ${value} ELSE e.${column} END`;

// Switched on again, or pointed elsewhere, an endpoint starts with a clean record: old failures say nothing about it.
const IS_FRESH = `(coalesce($13::jsonb ->> 'status', e.status) = 'enabled'
      AND (e.status <> 'enabled' OR coalesce($13::jsonb ->> 'url', e.url) <> e.url))`;
const freshened = (column: string, value: string): string =>
  `${column} = CASE WHEN ${IS_FRESH} THEN ${value} ELSE e.${column} END`;

const CHANGE = endpointStatement({
  action: 'updated',
  eventType: `CASE WHEN is_now ->> 'status' = 'disabled' AND was ->> 'status' <> 'disabled'
      THEN 'webhook_endpoint.disabled' ELSE 'webhook_endpoint.updated' END`,
  change: `
    UPDATE webhook_endpoints e
    SET ${given('url', `$13::jsonb ->> 'url'`, 'url')},
      ${given('eventTypes', `ARRAY(SELECT jsonb_array_elements_text($13::jsonb -> 'eventTypes'))`, 'event_types')},
      ${given('description', `$13::jsonb ->> 'description'`, 'description')},
      ${given('rateLimitPerSecond', `($13::jsonb ->> 'rateLimitPerSecond')::int`, 'rate_limit_per_second')},
      ${given(
        'retryDelaysSeconds',
        `CASE WHEN jsonb_typeof($13::jsonb -> 'retryDelaysSeconds') = 'array' THEN
          ARRAY(SELECT d::int FROM jsonb_array_elements_text($13::jsonb -> 'retryDelaysSeconds') AS d) END`,
        'retry_delays_seconds',
      )},
      ${given('status', `$13::jsonb ->> 'status'`, 'status')},
      disabled_reason = CASE WHEN $13::jsonb ->> 'status' = 'enabled' THEN NULL ELSE e.disabled_reason END,
      ${freshened('consecutive_failures', '0')},
      ${freshened('failing_since', 'NULL')},
      ${freshened('circuit_state', `'closed'`)},
      ${freshened('circuit_open_until', 'NULL')},
      ${freshened('lane', `'main'`)},
      version = e.version + 1, updated_at = ${NOW}
    WHERE ${TARGETED}`,
});

/** Changes an endpoint, or switches it on or off. */
export async function changeEndpoint(
  deps: EndpointDeps,
  context: EndpointContext,
  { changes, ...target }: EndpointTargeted & { readonly changes: EndpointChanges },
): Promise<ChangeEndpointOutcome> {
  const params = [...targetParams(target), { ...changes }];
  const endpoint = await runEndpointStatement(deps, CHANGE, context, params);
  return endpoint === undefined ? whyNot(deps, context, target) : { outcome: 'done', endpoint };
}

// The row stays, so that the history of its deliveries can be read; the secrets go.
const DELETE = endpointStatement({
  action: 'deleted',
  eventType: `'webhook_endpoint.deleted'`,
  change: `
    UPDATE webhook_endpoints e
    SET deleted_at = ${NOW}, status = 'disabled', secret_ciphertext = '', previous_secrets = '[]',
      version = e.version + 1, updated_at = ${NOW}
    WHERE ${TARGETED}`,
});

/** Removes an endpoint: nothing is sent to it any more, and what was pending for it fails. */
export async function deleteEndpoint(
  deps: EndpointDeps,
  context: EndpointContext,
  target: EndpointTargeted,
): Promise<ChangeEndpointOutcome> {
  const endpoint = await runEndpointStatement(deps, DELETE, context, targetParams(target));
  return endpoint === undefined ? whyNot(deps, context, target) : { outcome: 'done', endpoint };
}

/** A rotated secret signs on for this long beside the new one, while receivers change over. */
const OVERLAP = `interval '24 hours'`;
/** Signatures in one header: the present one and those of the latest rotations. */
const PREVIOUS_KEPT = 4;

const ROTATE = endpointStatement({
  action: 'secret_rotated',
  eventType: `'webhook_endpoint.updated'`,
  change: `
    UPDATE webhook_endpoints e
    SET secret_ciphertext = $13,
      previous_secrets = (
        SELECT coalesce(jsonb_agg(kept.secret ORDER BY kept.secret ->> 'expiresAt' DESC), '[]') FROM (
          SELECT secret FROM jsonb_array_elements(e.previous_secrets || jsonb_build_object('ciphertext', e.secret_ciphertext,
            'expiresAt', to_char((${NOW} + ${OVERLAP}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))) AS secret
          WHERE (secret ->> 'expiresAt')::timestamptz > ${NOW}
          ORDER BY secret ->> 'expiresAt' DESC LIMIT ${PREVIOUS_KEPT}) kept),
      version = e.version + 1, updated_at = ${NOW}
    WHERE ${TARGETED}`,
});

/** Replaces the secret; the one before it signs along for 24 hours. */
export async function rotateSecret(
  deps: EndpointDeps,
  context: EndpointContext,
  { sealedSecret, ...target }: EndpointTargeted & { readonly sealedSecret: string },
): Promise<ChangeEndpointOutcome> {
  const endpoint = await runEndpointStatement(deps, ROTATE, context, [...targetParams(target), sealedSecret]);
  return endpoint === undefined ? whyNot(deps, context, target) : { outcome: 'done', endpoint };
}

const targetParams = ({ id, ownPartnerId, expectedVersion }: EndpointTargeted) => [
  id,
  ownPartnerId ?? null,
  expectedVersion ?? null,
];

async function whyNot(
  { db }: EndpointDeps,
  { programId }: EndpointContext,
  { id, ownPartnerId }: EndpointTargeted,
): Promise<ChangeEndpointOutcome> {
  const found = await findEndpoint(db, { programId, id, ownPartnerId });
  return { outcome: found === undefined ? 'not_found' : 'version_mismatch' };
}
