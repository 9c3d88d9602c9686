import type { EndpointLane } from '@tributary/schema/tables';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import { SlidingRate } from './sliding-rate.ts';

/** A claimed delivery in this process's hands, and until when it may be sent. */
export interface Waiting {
  readonly delivery: ClaimedDelivery;
  /** On the clock of `performance.now()`; later than this, the claim might pass to another process. */
  readonly startBefore: number;
}

/** What this process knows about one endpoint while it has something for it. */
export interface EndpointTraffic {
  readonly id: string;
  lane: EndpointLane;
  /** Grows from 1 with each success and halves with each failure, so that a dead receiver holds one slot, not ten. */
  window: number;
  inFlight: number;
  fastSuccesses: number;
  failures: number;
  waiting: Waiting[];
  rate: SlidingRate;
}

/** Fast successes in a row that lead back to the main lane. */
const REHABILITATION = 5;
/** Failures in a row that lead into the slow lane. */
const FAILING_AFTER = 3;

export function createEndpointTraffic(delivery: ClaimedDelivery, rateShare: number): EndpointTraffic {
  return {
    id: delivery.endpointId,
    lane: delivery.lane,
    window: 1,
    inFlight: 0,
    fastSuccesses: 0,
    failures: delivery.consecutiveFailures,
    waiting: [],
    rate: new SlidingRate(delivery.rateLimitPerSecond * rateShare),
  };
}

/** Nothing under way and nothing waiting. */
export const isIdle = ({ inFlight, waiting }: EndpointTraffic): boolean =>
  inFlight === 0 && waiting.length === 0;

export interface AttemptOutcome {
  readonly ok: boolean;
  readonly fast: boolean;
  readonly mostInFlight: number;
}

/** What an attempt's end means for how much the endpoint gets at once, and in which lane. */
export function noteResult(endpoint: EndpointTraffic, { ok, fast, mostInFlight }: AttemptOutcome): void {
  endpoint.window = ok
    ? Math.min(endpoint.window * 2, mostInFlight)
    : Math.max(1, Math.floor(endpoint.window / 2));
  endpoint.fastSuccesses = ok && fast ? endpoint.fastSuccesses + 1 : 0;
  endpoint.failures = ok ? 0 : endpoint.failures + 1;
  if (endpoint.failures >= FAILING_AFTER) endpoint.lane = 'slow';
  else if (endpoint.lane === 'slow' && endpoint.fastSuccesses >= REHABILITATION) endpoint.lane = 'main';
}
