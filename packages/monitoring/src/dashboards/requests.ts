import { quantile, rate, share } from './expressions.ts';
import { lines, type Dashboard } from './panel.ts';

const ERRORS = 'http_requests_total{status=~"5.."}';

/** Requests in detail: which service, which route. */
export const requests: Dashboard = {
  uid: 'tributary-api',
  title: 'API',
  rows: [
    {
      title: 'By service',
      panels: [
        lines('Requests', { '{{service}}': rate('http_requests_total', 'service') }, { unit: 'reqps' }),
        lines(
          'Errors by service',
          { '{{service}}': share(rate(ERRORS, 'service'), rate('http_requests_total', 'service')) },
          { unit: 'percentunit' },
        ),
        lines(
          'Latency by service (p95)',
          { '{{service}}': quantile(0.95, 'http_request_duration_seconds', 'service') },
          { unit: 's' },
        ),
        lines(
          'Answers by status',
          { '{{status}}': rate('http_requests_total', 'status') },
          { unit: 'reqps' },
        ),
      ],
    },
    {
      title: 'By route',
      panels: [
        lines(
          'Latency by route',
          { '{{service}} {{path}}': quantile(0.95, 'http_request_duration_seconds', 'service, path') },
          { unit: 's' },
        ),
        lines(
          'Errors by route',
          { '{{service}} {{path}} {{status}}': rate(ERRORS, 'service, path, status') },
          { unit: 'reqps' },
        ),
      ],
    },
    {
      title: 'Limits',
      panels: [
        lines(
          'Rate limiter',
          { '{{limiter}} {{outcome}}': rate('rate_limit_decisions_total', 'limiter, outcome') },
          { unit: 'reqps', says: 'redis local: Redis is away, each gateway counts alone.' },
        ),
        lines('Tracking links', { '{{outcome}}': rate('link_clicks_total', 'outcome') }, { unit: 'reqps' }),
      ],
    },
  ],
};
