import type { Clock } from '@tributary/runtime';
import type { EndpointVerdict } from '../deliveries/endpoint-health.ts';
import { DISPATCHER, endpointStatement, NOW, PROGRAM, runEndpointStatement } from './endpoint-statement.ts';
import type { EndpointDeps } from './endpoint-statement.ts';

const DISABLE = endpointStatement({
  action: 'auto_disabled',
  eventType: `'webhook_endpoint.auto_disabled'`,
  change: `
    UPDATE webhook_endpoints e
    SET status = 'auto_disabled', disabled_reason = $11, version = e.version + 1, updated_at = ${NOW}
    WHERE e.program_id = ${PROGRAM} AND e.id = $10::uuid AND e.url = $12 AND e.status = 'enabled' AND e.deleted_at IS NULL`,
});

const REASONS = {
  gone: 'The endpoint answered 410 Gone',
  failing: 'Nothing but failures for 3 days',
} as const satisfies Record<EndpointVerdict['reason'], string>;

/**
 * Switches off endpoints that are gone or hopeless, unless they have moved meanwhile. The event reaches admins and the
 * partner's other endpoints.
 */
export async function disableEndpoints(
  deps: EndpointDeps & { readonly clock: Clock },
  verdicts: readonly EndpointVerdict[],
): Promise<void> {
  for (const { programId, endpointId, url, reason } of verdicts) {
    const context = {
      programId,
      actor: DISPATCHER,
      requestId: null,
      ipAddress: null,
      userAgent: null,
      now: deps.clock(),
    } as const;
    await runEndpointStatement(deps, DISABLE, context, [endpointId, REASONS[reason], url]);
  }
}
