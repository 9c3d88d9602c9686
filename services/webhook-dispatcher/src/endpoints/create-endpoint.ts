import { newId } from '@tributary/runtime';
import type { SecretBox } from '../encryption/secret-box.ts';
import { generateSecret } from '../signing/secret.ts';
import { endpointStatement, PROGRAM, runEndpointStatement } from './endpoint-statement.ts';
import type { EndpointContext, EndpointDeps } from './endpoint-statement.ts';
import type { Endpoint } from './endpoint-wire.ts';

/** Enough for any partner's environments and consumers; a bound on what one event can multiply into. */
export const MAX_ENDPOINTS_PER_PARTNER = 50;

export interface CreateEndpointInput {
  readonly partnerId: string;
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly rateLimitPerSecond: number;
  readonly retryDelaysSeconds: readonly number[] | null;
}

export type CreateEndpointOutcome =
  | { readonly outcome: 'created'; readonly endpoint: Endpoint; readonly secret: string }
  | { readonly outcome: 'partner_not_found' }
  | { readonly outcome: 'too_many' };

const CREATE = endpointStatement({
  action: 'created',
  eventType: `'webhook_endpoint.created'`,
  change: `
    INSERT INTO webhook_endpoints (id, program_id, partner_id, url, event_types, description, rate_limit_per_second,
      retry_delays_seconds, secret_ciphertext)
    SELECT $10, p.program_id, p.id, $12, $13::text[], $14, $15::int, $16::int[], $17
    FROM partners p
    WHERE p.program_id = ${PROGRAM} AND p.id = $11::uuid AND (
      SELECT count(*) FROM webhook_endpoints e
      WHERE e.program_id = p.program_id AND e.partner_id = p.id AND e.deleted_at IS NULL) < ${MAX_ENDPOINTS_PER_PARTNER}`,
});

const PARTNER_EXISTS = 'SELECT 1 AS found FROM partners WHERE program_id = $1 AND id = $2';

/** Registers an endpoint with a new secret, which is shown this once. */
export async function createEndpoint(
  deps: EndpointDeps & { readonly secretBox: SecretBox },
  context: EndpointContext,
  input: CreateEndpointInput,
): Promise<CreateEndpointOutcome> {
  const id = newId();
  const secret = generateSecret();
  const endpoint = await runEndpointStatement(deps, CREATE, context, [
    id,
    input.partnerId,
    input.url,
    [...input.eventTypes],
    input.description,
    input.rateLimitPerSecond,
    input.retryDelaysSeconds === null ? null : [...input.retryDelaysSeconds],
    deps.secretBox.seal(secret, id),
  ]);
  if (endpoint !== undefined) return { outcome: 'created', endpoint, secret };
  const partners = await deps.db.query(PARTNER_EXISTS, [context.programId, input.partnerId]);
  return { outcome: partners.length === 0 ? 'partner_not_found' : 'too_many' };
}
