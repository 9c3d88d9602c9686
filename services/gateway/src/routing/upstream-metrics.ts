import type { Metrics } from '@tributary/runtime';
import type { Target } from './upstreams.ts';

/** nginx's number for a client that closed the connection before the answer. */
export const CLIENT_CLOSED_REQUEST = 499;

/** What a canary is judged by. */
export function createUpstreamMetrics(metrics: Metrics) {
  const labels = ['service', 'release', 'status'] as const;
  const requests = metrics.counter({
    name: 'upstream_requests_total',
    help: 'Requests that the gateway sent to a service, by release and status',
    labels,
  });
  const durations = metrics.histogram({
    name: 'upstream_request_duration_seconds',
    help: 'Time from sending a request to a service to the end of its answer',
    labels,
  });

  return {
    observe(target: Target, status: number, seconds: number): void {
      const values = { service: target.service, release: target.release, status: String(status) };
      requests.inc(values);
      durations.observe(values, seconds);
    },
  };
}

export type UpstreamMetrics = ReturnType<typeof createUpstreamMetrics>;
