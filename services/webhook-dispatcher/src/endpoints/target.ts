import type { EndpointLane, PreviousSecret } from '@tributary/schema/tables';
import type { CircuitState } from '@tributary/schema';

/** What has to be known about an endpoint to deliver to it. */
export interface EndpointTarget {
  readonly endpointId: string;
  readonly url: string;
  readonly secretCiphertext: string;
  readonly previousSecrets: readonly PreviousSecret[];
  readonly rateLimitPerSecond: number;
  readonly retryDelaysSeconds: readonly number[] | null;
  readonly lane: EndpointLane;
  readonly circuitState: CircuitState;
  readonly consecutiveFailures: number;
}

/** The columns of an `EndpointTarget`, of a `webhook_endpoints` that goes by `alias`. */
export const targetColumns = (alias: string): string =>
  `${alias}.id AS endpoint_id, ${alias}.url, ${alias}.secret_ciphertext, ${alias}.previous_secrets,
   ${alias}.rate_limit_per_second, ${alias}.retry_delays_seconds, ${alias}.lane, ${alias}.circuit_state,
   ${alias}.consecutive_failures`;
