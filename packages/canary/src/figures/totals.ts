import type { Release } from '@tributary/schema';

import type { Window } from '../judge.ts';

/** What the gateways counted of both releases of one service. */
export type Totals = Readonly<Record<Release, Window>>;

/** One counter or bucket with the labels that matter. */
export interface Sample {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string | undefined>>;
  readonly value: number;
}

export const REQUESTS = 'upstream_requests_total';
export const BUCKETS = 'upstream_request_duration_seconds_bucket';

/** Adds samples up, by release. */
export function totalsOf(samples: readonly Sample[]): Totals {
  return { stable: windowOf(samples, 'stable'), canary: windowOf(samples, 'canary') };
}

function windowOf(samples: readonly Sample[], release: Release): Window {
  let requests = 0;
  let errors = 0;
  const buckets = new Map<number, number>();
  for (const { metric, labels, value } of samples) {
    if (labels['release'] !== release) continue;
    if (metric === REQUESTS) {
      requests += value;
      if (Number(labels['status']) >= 500) errors += value;
    } else if (metric === BUCKETS) {
      const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  }
  return { requests, errors, buckets: [...buckets].sort(([a], [b]) => a - b) };
}

/** What came after `before`; counters that begin anew, because a gateway did, count from nothing. */
export function since(before: Window, now: Window): Window {
  if (now.requests < before.requests) return now;
  const earlier = new Map(before.buckets);
  return {
    requests: now.requests - before.requests,
    errors: Math.max(0, now.errors - before.errors),
    buckets: now.buckets.map(([bound, count]) => [bound, Math.max(0, count - (earlier.get(bound) ?? 0))]),
  };
}
