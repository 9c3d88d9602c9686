import { z } from 'zod';

import { fetchText } from './exposition.ts';
import type { Sample } from './totals.ts';

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

/** The series that a query answers now, as samples of `metric`. */
export async function queryPrometheus(
  prometheusUrl: string,
  { metric, query }: { readonly metric: string; readonly query: string },
): Promise<Sample[]> {
  const text = await fetchText(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(query)}`);
  return answerSchema
    .parse(JSON.parse(text))
    .data.result.map(({ metric: labels, value }) => ({ metric, labels, value: Number(value[1]) }));
}
