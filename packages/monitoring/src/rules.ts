import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { PROMETHEUS_FOLDER } from './project.ts';

const alertSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
  annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
});
const limitSchema = z.strictObject({ record: z.string(), expr: z.string() });
const fileSchema = z.object({
  groups: z.array(z.object({ name: z.string(), rules: z.array(z.union([alertSchema, limitSchema])) })),
});

export type Alert = z.output<typeof alertSchema>;

const readRules = () =>
  fileSchema
    .parse(parse(readFileSync(join(PROMETHEUS_FOLDER, 'alerts.yml'), 'utf8')))
    .groups.flatMap(({ rules }) => rules);

/** The alerts there are, as their file says. */
export const readAlerts = (): Alert[] => readRules().filter((rule) => 'alert' in rule);

/** Names of the recorded thresholds. */
export const readLimits = (): Set<string> =>
  new Set(readRules().flatMap((rule) => ('record' in rule ? [rule.record] : [])));
