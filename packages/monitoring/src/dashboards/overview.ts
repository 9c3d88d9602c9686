import { latencies, orNone, quantile, rate, share, total } from './expressions.ts';
import { bars, dial, figure, heatmap, lines, type Dashboard } from './panel.ts';

const CLICKS = 'clicks_recorded_total{status="valid"}';
const CONVERSIONS = 'events_published_total{type="conversion.recorded"}';
const COMMISSIONS = 'commissions_created_total';
const REQUESTS = 'http_requests_total{service="gateway"}';
const ERRORS = 'http_requests_total{service="gateway",status=~"5.."}';
const ENDED = 'webhooks_delivered_total{outcome=~"delivered|failed"}';

/** What the programme does and whether all is well, on one page. */
export const overview: Dashboard = {
  uid: 'tributary-overview',
  title: 'Overview',
  rows: [
    {
      title: 'Conversion funnel',
      panels: [
        bars(
          'Funnel',
          {
            'Valid clicks': total(CLICKS),
            Conversions: total(CONVERSIONS),
            Commissions: total(COMMISSIONS),
          },
          { says: 'What happened in the range of the dashboard.', width: 8 },
        ),
        figure(
          'Clicks to conversions',
          { '': share(total(CONVERSIONS), total(CLICKS)) },
          { unit: 'percentunit', says: 'Of valid clicks: bots and repetitions are none.' },
        ),
        figure(
          'Conversions to commissions',
          { '': share(total(COMMISSIONS), total(CONVERSIONS)) },
          { unit: 'percentunit' },
        ),
        figure('Active partners', { '': 'max(active_partners_count)' }),
        figure('In progress', { '': 'max(commissions_in_progress)' }, { says: 'Pending and confirmed.' }),
        lines(
          'Commissions created',
          { '{{policy_type}}': rate(COMMISSIONS, 'policy_type') },
          { unit: 'ops' },
        ),
        heatmap(
          'Commission amounts',
          { '{{le}}': `sum by (le) (increase(commission_amount_dollars_bucket[$__rate_interval]))` },
          { unit: 'currencyUSD' },
        ),
        lines('Waiting', {
          pending: 'max(commissions_pending)',
          'past their hold': 'max(commissions_due_unconfirmed)',
        }),
        lines(
          'Changes',
          { '{{action}} {{outcome}}': rate('commission_transitions_total', 'action, outcome') },
          { unit: 'ops' },
        ),
      ],
    },
    {
      title: 'API',
      panels: [
        lines('Latency', latencies('http_request_duration_seconds{service="gateway"}'), { unit: 's' }),
        lines(
          'Error rate',
          { errors: share(rate(ERRORS), rate(REQUESTS)) },
          { unit: 'percentunit', limits: { warn: 0.01, bad: 0.05 } },
        ),
      ],
    },
    {
      title: 'Webhooks',
      panels: [
        dial(
          'Webhook success',
          { '': share(orNone(total('webhooks_delivered_total{outcome="delivered"}')), total(ENDED)) },
          { unit: 'percentunit', limits: { warn: 0.99, bad: 0.95 } },
        ),
        lines(
          'Attempts by outcome',
          { '{{outcome}}': rate('webhooks_delivered_total', 'outcome') },
          { unit: 'ops', width: 9 },
        ),
        lines(
          'Delivery duration',
          { '{{event_type}}': quantile(0.95, 'webhook_delivery_duration_seconds', 'event_type') },
          { unit: 's', width: 9 },
        ),
        lines('Backlog', {
          deliveries: 'sum(webhook_backlog)',
          'open circuits': 'sum(webhook_endpoints_open_circuit)',
        }),
        lines('Age of the backlog', { oldest: 'max(webhook_backlog_age_seconds)' }, { unit: 's' }),
      ],
    },
  ],
};
