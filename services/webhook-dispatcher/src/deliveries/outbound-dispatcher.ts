import { Agent } from 'undici';
import { createGuardedConnector } from '../ssrf/connector.ts';
import type { GuardedConnectorOptions } from '../ssrf/connector.ts';

export interface OutboundOptions extends Pick<GuardedConnectorOptions, 'policy' | 'resolve'> {
  readonly deadlineMs: number;
}

/**
 * A pool of connections per origin, kept alive between deliveries. Every connection is made by the guarded connector.
 * How many there are is bounded by what is in flight, so pools have no bound of their own: a delivery that waited in one
 * would use up its deadline there.
 */
export function createOutboundDispatcher({ deadlineMs, ...guard }: OutboundOptions): Agent {
  return new Agent({
    connect: createGuardedConnector({ ...guard, timeoutMs: deadlineMs }),
    allowH2: false,
    pipelining: 1,
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 300_000,
    // Answers beyond the excerpt's limit are cut off by the attempt itself.
    maxResponseSize: -1,
  });
}
