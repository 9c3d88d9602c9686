import { fetchText, samplesIn } from './exposition.ts';
import { queryPrometheus } from './prometheus.ts';
import { BUCKETS, REQUESTS, type Sample, type Totals, totalsOf } from './totals.ts';

/** Reads what the gateways have counted of a service so far. */
export type ReadTotals = () => Promise<Totals>;

const METRICS: ReadonlySet<string> = new Set([REQUESTS, BUCKETS]);

/** From the gateway's own metrics, where one gateway sees all of the traffic. */
export function fromGateway(gatewayUrl: string, service: string, token: string | undefined): ReadTotals {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return async () => {
    const text = await fetchText(`${gatewayUrl}/api/v1/metrics`, headers);
    return totalsOf(samplesIn(text, METRICS).filter(({ labels }) => labels['service'] === service));
  };
}

/** Through Prometheus, which sees every gateway. */
export function fromPrometheus(prometheusUrl: string, service: string): ReadTotals {
  const ask = async (metric: string, by: string): Promise<Sample[]> =>
    queryPrometheus(prometheusUrl, {
      metric,
      query: `sum by (${by}) (${metric}{service="${service}"})`,
    });
  return async () => {
    const parts = await Promise.all([ask(REQUESTS, 'release, status'), ask(BUCKETS, 'release, le')]);
    return totalsOf(parts.flat());
  };
}
