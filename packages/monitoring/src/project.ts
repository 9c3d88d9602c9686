import { join, resolve } from 'node:path';

export const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');
export const PROMETHEUS_FOLDER = join(PROJECT_ROOT, 'infra', 'prometheus');
export const ALERTMANAGER_FILE = join(PROJECT_ROOT, 'infra', 'alertmanager', 'alertmanager.yml');
export const DASHBOARDS_FOLDER = join(PROJECT_ROOT, 'infra', 'grafana', 'dashboards');
export const RUNBOOK = join(PROJECT_ROOT, 'docs', 'runbook.md');
