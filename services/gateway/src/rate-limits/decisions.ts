import type { Metrics } from '@tributary/runtime';
import type { CallerLimit } from './caller-limits.ts';
import type { Placement } from './leased-limiter.ts';

/** What the limiters decided, for metrics. */
export interface Decisions {
  /** `failed_login` is the limit of one account and address; it alone is `unavailable` without Redis. */
  count(
    limiter: CallerLimit['limiter'] | 'failed_login',
    outcome: 'allowed' | 'limited' | 'unavailable',
  ): void;
  /** Notes whether this process had to count alone. */
  countPlacement(placement: Placement): void;
}

/** Made once per gateway: all limiters share one counter. */
export function countDecisions(metrics: Metrics): Decisions {
  const decisions = metrics.counter({
    name: 'rate_limit_decisions_total',
    help: 'Requests within or over a limit (links are only marked), or refused since Redis is away; `local` while a process counts alone',
    labels: ['limiter', 'outcome'],
  });
  return {
    count: (limiter, outcome) => decisions.inc({ limiter, outcome }),
    countPlacement({ local }) {
      if (local) decisions.inc({ limiter: 'redis', outcome: 'local' });
    },
  };
}
