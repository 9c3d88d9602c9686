import type { EndpointTarget } from '../endpoints/target.ts';

/** A delivery that this process may attempt until its lease ends. */
export interface ClaimedDelivery extends EndpointTarget {
  readonly programId: string;
  readonly id: string;
  readonly partnerId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly body: string;
  readonly attempts: number;
  readonly roundStart: number;
  /** int8 as text. Whoever writes the result must still hold it. */
  readonly claimToken: string;
  /** When the event happened, for the latency metric. */
  readonly occurredAt: Date;
}
