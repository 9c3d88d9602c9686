import { z } from 'zod';

import { fetchText, samplesIn } from './exposition.ts';
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

const answerSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z.tuple([z.number(), z.string()]),
      }),
    ),
  }),
});

/** Through Prometheus, which sees every gateway. */
export function fromPrometheus(prometheusUrl: string, service: string): ReadTotals {
  const ask = async (metric: string, by: string): Promise<Sample[]> => {
    const query = `sum by (${by}) (${metric}{service="${service}"})`;
    const text = await fetchText(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(query)}`);
    return answerSchema
      .parse(JSON.parse(text))
      .data.result.map(({ metric: labels, value }) => ({ metric, labels, value: Number(value[1]) }));
  };
  return async () => {
    const parts = await Promise.all([ask(REQUESTS, 'release, status'), ask(BUCKETS, 'release, le')]);
    return totalsOf(parts.flat());
  };
}
