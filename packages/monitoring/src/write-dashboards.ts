// Writes the dashboards that Grafana reads: `npm run monitor -- --dashboards` does it after a change of their source.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { DASHBOARDS } from './dashboards/index.ts';
import { toGrafana } from './dashboards/to-grafana.ts';
import { DASHBOARDS_FOLDER } from './project.ts';

/** The files of the dashboards, by path. */
export function dashboardFiles(): Map<string, string> {
  return new Map(
    DASHBOARDS.map((dashboard) => [
      join(DASHBOARDS_FOLDER, `${dashboard.uid}.json`),
      `${JSON.stringify(toGrafana(dashboard), null, 2)}\n`,
    ]),
  );
}

export function writeDashboards(): void {
  mkdirSync(DASHBOARDS_FOLDER, { recursive: true });
  for (const [path, text] of dashboardFiles()) writeFileSync(path, text);
}
