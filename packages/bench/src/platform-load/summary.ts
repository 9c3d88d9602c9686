import { readFile } from 'node:fs/promises';

import { z } from 'zod';

const metricSchema = z.object({
  values: z.record(z.string(), z.number()),
  thresholds: z.record(z.string(), z.object({ ok: z.boolean() })).optional(),
});

/** What k6's summary file says, as far as it is used here. */
const summarySchema = z.object({
  metrics: z.record(z.string(), metricSchema),
  state: z.object({ testRunDurationMs: z.number() }),
  plateauSeconds: z.number().optional(),
});

export type Summary = z.output<typeof summarySchema>;

export const readSummary = async (file: string): Promise<Summary> =>
  summarySchema.parse(JSON.parse(await readFile(file, 'utf8')));

/** A counter's total; 0 where it never counted. */
export const counted = ({ metrics }: Summary, name: string): number => metrics[name]?.values['count'] ?? 0;

/** Names of the thresholds that were missed. */
export const missedThresholds = ({ metrics }: Summary): string[] =>
  Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).flatMap(([threshold, { ok }]) => (ok ? [] : [`${name}: ${threshold}`])),
  );

/** Requests a second while the most users were there; undefined for scripts without such a time. */
export const plateauPerSecond = (summary: Summary): number | undefined =>
  summary.plateauSeconds === undefined
    ? undefined
    : counted(summary, 'http_req_duration{phase:plateau}') / summary.plateauSeconds;
