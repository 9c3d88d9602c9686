import { canary } from './canary.ts';
import { overview } from './overview.ts';
import type { Dashboard } from './panel.ts';
import { platform } from './platform.ts';
import { requests } from './requests.ts';

/** Every dashboard, in the order of the folder. */
export const DASHBOARDS: readonly Dashboard[] = [overview, requests, platform, canary];

/** Grafana puts durations in place of its variables; any one does for reading an expression. */
const VARIABLES = /\$__(rate_interval|range)/g;

/** What the dashboards ask Prometheus, each with the panel that asks. */
export function dashboardQueries(): { panel: string; expr: string }[] {
  return DASHBOARDS.flatMap(({ title, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
        panel.queries.map(({ expr }) => ({
          panel: `${title}: ${panel.title}`,
          expr: expr.replaceAll(VARIABLES, '5m'),
        })),
      ),
    ),
  );
}
