import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { z } from 'zod';

import { alertmanagerConfig, prometheusConfig } from './configure.ts';
import { exitOf, findProgram, MonitorFailure } from './programs.ts';
import { PROJECT_ROOT } from './project.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const stackSchema = z.object({ services: z.record(z.string(), z.string()) });
const SECRETS = {
  slack_webhook_url: 'ALERT_SLACK_WEBHOOK_URL',
  smtp_password: 'ALERT_SMTP_PASSWORD',
} as const;

function readStack(home: string): z.output<typeof stackSchema> {
  const path = join(home, 'stack.json');
  if (!existsSync(path))
    throw new MonitorFailure(`No stack runs in ${home}: \`npm start\` first, or set TRIBUTARY_HOME.`);
  return stackSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
}

/** The files of both, with what is secret readable by their owner only. */
function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
}

function secretFiles(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(SECRETS).map(([file, variable]) => [file, env[variable] ?? '']));
}

/** Runs Prometheus and Alertmanager against the stack until a signal or the end of one of them. */
export async function watchStack(env: Environment): Promise<number> {
  const home = resolve(PROJECT_ROOT, env['TRIBUTARY_HOME'] ?? '.tributary');
  const { services } = readStack(home);
  const prometheus = findProgram(['prometheus']);
  const alertmanager = findProgram(['prometheus-alertmanager', 'alertmanager']);
  const folder = join(home, 'monitor');
  const alertsAt = `127.0.0.1:${env['ALERTMANAGER_PORT'] ?? '9093'}`;
  const metricsAt = `127.0.0.1:${env['PROMETHEUS_PORT'] ?? '9090'}`;
  writeFiles(folder, {
    ...secretFiles(env),
    'prometheus.yml': prometheusConfig(services, alertsAt),
    'alertmanager.yml': alertmanagerConfig(env, folder),
  });
  const children = [
    spawn(
      prometheus,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'prometheus')}`,
        `--web.listen-address=${metricsAt}`,
        '--log.level=warn',
      ],
      { stdio: 'inherit' },
    ),
    spawn(
      alertmanager,
      [
        `--config.file=${join(folder, 'alertmanager.yml')}`,
        `--storage.path=${join(folder, 'alertmanager')}`,
        `--web.listen-address=${alertsAt}`,
        '--cluster.listen-address=',
        '--log.level=warn',
      ],
      { stdio: 'inherit' },
    ),
  ];
  console.log(
    `Prometheus is at http://${metricsAt}/alerts, Alertmanager at http://${alertsAt}. Ctrl-C stops both.`,
  );
  return untilFirstEnds(children);
}

async function untilFirstEnds(children: readonly ChildProcess[]): Promise<number> {
  const stop = (): void => {
    for (const child of children) child.kill('SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  process.on('disconnect', stop);
  const exits = children.map((child) => exitOf(child));
  const first = await Promise.race(exits);
  stop();
  await Promise.all(exits);
  return first;
}
