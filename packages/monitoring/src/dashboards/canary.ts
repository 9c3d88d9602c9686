import { quantile, rate, share } from './expressions.ts';
import { lines, type Dashboard } from './panel.ts';

const REQUESTS = 'upstream_requests_total';
const BY = 'service, release';
const LEGEND = '{{service}} {{release}}';

/** A candidate beside the stable release, by what the gateway saw: the figures `npm run canary` judges by. */
export const canary: Dashboard = {
  uid: 'tributary-canary',
  title: 'Canary',
  rows: [
    {
      title: 'Canary against stable',
      panels: [
        lines('Requests', { [LEGEND]: rate(REQUESTS, BY) }, { unit: 'reqps' }),
        lines(
          'Error rate',
          { [LEGEND]: share(rate(`${REQUESTS}{status=~"5.."}`, BY), rate(REQUESTS, BY)) },
          { unit: 'percentunit', limits: { warn: 0.01, bad: 0.05 } },
        ),
        lines(
          'Latency (p95)',
          { [LEGEND]: quantile(0.95, 'upstream_request_duration_seconds', BY) },
          { unit: 's' },
        ),
        lines(
          'Answers by status',
          { [`${LEGEND} {{status}}`]: rate(REQUESTS, 'service, release, status') },
          { unit: 'reqps' },
        ),
      ],
    },
  ],
};
