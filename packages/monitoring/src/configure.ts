import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';
import { z } from 'zod';

import { ALERTMANAGER_FILE, PROMETHEUS_FOLDER } from './project.ts';

/** Where alerts go, from the environment; what is missing gets an address that cannot exist. */
export const ALERT_SETTINGS = {
  ALERT_SLACK_CHANNEL: '#alerts',
  ALERT_EMAIL_TO: 'on-call@example.com',
  ALERT_EMAIL_FROM: 'tributary@example.com',
  ALERT_SMTP_SMARTHOST: 'localhost:25',
  ALERT_SMTP_USERNAME: 'tributary',
} as const;

const SETTING = /\$\{(\w+)\}/g;
const SECRETS_FOLDER = '/run/secrets/';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Alertmanager's configuration with the settings filled in.
 * @param secretsFolder where the files `slack_webhook_url` and `smtp_password` are
 */
export function alertmanagerConfig(env: Environment, secretsFolder: string): string {
  const defaults: Environment = ALERT_SETTINGS;
  return readFileSync(ALERTMANAGER_FILE, 'utf8')
    .replaceAll(SETTING, (whole, name: string) => env[name] ?? defaults[name] ?? whole)
    .replaceAll(SECRETS_FOLDER, `${secretsFolder}/`);
}

const configSchema = z.looseObject({
  rule_files: z.array(z.string()),
  scrape_configs: z.array(z.looseObject({ job_name: z.string(), dns_sd_configs: z.unknown().optional() })),
});

/** Prometheus's configuration as Compose uses it, but for the processes of a running stack. */
export function prometheusConfig(services: Readonly<Record<string, string>>, alertmanager: string): string {
  const config = configSchema.parse(parse(readFileSync(join(PROMETHEUS_FOLDER, 'prometheus.yml'), 'utf8')));
  return stringify({
    ...config,
    rule_files: config.rule_files.map((file) => join(PROMETHEUS_FOLDER, file)),
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: config.scrape_configs.map(({ dns_sd_configs: _byName, ...job }) => ({
      ...job,
      static_configs: [{ targets: [new URL(services[job.job_name] ?? 'http://localhost').host] }],
    })),
  });
}
