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
const fileOf = <Rule extends z.ZodType>(rule: Rule) =>
  z.object({ groups: z.array(z.object({ name: z.string(), rules: z.array(rule) })) });

export type Alert = z.output<typeof alertSchema>;

function rulesIn<Rule extends z.ZodType>(file: string, rule: Rule): z.output<Rule>[] {
  const text = readFileSync(join(PROMETHEUS_FOLDER, file), 'utf8');
  return fileOf(rule)
    .parse(parse(text))
    .groups.flatMap(({ rules }) => rules);
}

/** The alerts there are, as their file says. */
export const readAlerts = (): Alert[] => rulesIn('alerts.yml', alertSchema);

/** Names of the recorded thresholds. */
export const readLimits = (): Set<string> =>
  new Set(rulesIn('limits.yml', limitSchema).map(({ record }) => record));
