import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { alertmanagerConfig } from './configure.ts';
import { findProgram, runToEnd } from './programs.ts';
import { PROMETHEUS_FOLDER } from './project.ts';

/** Has Prometheus and Alertmanager check their files and run every case of every alert. Answers whether all is well. */
export async function checkFiles(env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  const promtool = findProgram(['promtool']);
  const amtool = findProgram(['amtool']);
  const tests = readdirSync(join(PROMETHEUS_FOLDER, 'tests')).filter((file) => file.endsWith('.test.yml'));
  const folder = mkdtempSync(join(tmpdir(), 'tributary-monitor-'));
  try {
    const alertmanager = join(folder, 'alertmanager.yml');
    for (const secret of ['slack_webhook_url', 'smtp_password']) writeFileSync(join(folder, secret), '');
    writeFileSync(alertmanager, alertmanagerConfig(env, folder));
    const results = [
      await runToEnd(promtool, ['check', 'config', 'prometheus.yml'], PROMETHEUS_FOLDER),
      await runToEnd(promtool, ['test', 'rules', ...tests], join(PROMETHEUS_FOLDER, 'tests')),
      await runToEnd(amtool, ['check-config', alertmanager], folder),
    ];
    return results.every(Boolean);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
