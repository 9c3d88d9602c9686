import type { Release } from '@tributary/schema';

import { fetchText, samplesIn } from './exposition.ts';
import { queryPrometheus } from './prometheus.ts';
import type { ReadTotals } from './read-figures.ts';
import { BUCKETS, REQUESTS, type Sample, totalsOf } from './totals.ts';

/** What a gateway counts of its own answers, and what the same is called where services are compared. */
const COUNTED: ReadonlyMap<string, string> = new Map([
  ['http_requests_total', REQUESTS],
  ['http_request_duration_seconds_bucket', BUCKETS],
]);
const METRICS = new Set(COUNTED.keys());

const asRelease =
  (release: Release) =>
  ({ metric, labels, value }: Sample): Sample => ({
    metric: COUNTED.get(metric) ?? metric,
    labels: { ...labels, release },
    value,
  });

async function readOne(url: string): Promise<Sample[]> {
  return samplesIn(await fetchText(`${url}/metrics`), METRICS);
}

/** Every gateway that Prometheus knows, but for one. */
async function readOthers(prometheusUrl: string, candidate: string): Promise<Sample[]> {
  const who = `{service="gateway",instance!="${new URL(candidate).host}"}`;
  const parts = await Promise.all(
    [...METRICS].map((metric) =>
      queryPrometheus(prometheusUrl, {
        metric,
        query: `sum by (${metric.endsWith('_bucket') ? 'le' : 'status'}) (${metric}${who})`,
      }),
    ),
  );
  return parts.flat();
}

export interface Gateways {
  readonly stable: string;
  readonly candidate: string;
  readonly prometheusUrl: string | undefined;
}

/**
 * What gateways of two releases say of themselves. The candidate is always asked itself, since what Prometheus calls
 * it depends on how it was found, if it was; the stable ones through Prometheus where there are several.
 */
export function fromGateways({ stable, candidate, prometheusUrl }: Gateways): ReadTotals {
  return async () => {
    const [canaries, others] = await Promise.all([
      readOne(candidate),
      prometheusUrl === undefined ? readOne(stable) : readOthers(prometheusUrl, candidate),
    ]);
    return totalsOf([...canaries.map(asRelease('canary')), ...others.map(asRelease('stable'))]);
  };
}
