import { EVENT_TYPES, streamOf } from '@tributary/event-catalog';
import {
  dashboardQueries,
  type ExposedMetric,
  METRICS,
  parseExposition,
  questionsOf,
  readAlerts,
  readLimits,
  SCRAPED_SERVICES,
} from '@tributary/monitoring';
import { createWebhookReceiver, waitFor } from '@tributary/testkit';
import t from 'tap';

import { clientOf, dataOf, loggedIn } from './api-client.ts';
import { startPlatform } from './platform.ts';

// One of everything that a metric counts, then what every process says to Prometheus.
const platform = await startPlatform(t);
const { db } = platform;
const visitor = clientOf(platform);
const shop = clientOf(platform, platform.apiKey);
const admin = await loggedIn(platform, platform.admin);
const partner = await loggedIn(platform, platform.partner);

const receiver = await createWebhookReceiver(t);
await dataOf(partner('POST', '/webhooks/endpoints', { body: { url: receiver.url, eventTypes: [] } }), 201);
await dataOf(
  admin('POST', '/products', {
    body: { sku: 'LAMP', name: 'Lamp', category: 'light', price: 9, currency: 'USD' },
  }),
  201,
);
await dataOf(
  admin('POST', '/policies', { body: { code: 'all', name: 'All', type: 'percentage', rate: 5 } }),
  201,
);
await fetch(`${platform.gatewayUrl}/r/HARBOUR`, { redirect: 'manual' });
await fetch(`${platform.gatewayUrl}/no/such/path/0198a2c4-0000-7000-8000-000000000001?secret=1`);
await dataOf(
  visitor('POST', '/tracking/click', { body: { referralCode: 'HARBOUR', sessionId: 's-1' } }),
  201,
);
const order = (orderId: string) => ({
  orderId,
  sku: 'LAMP',
  orderAmount: 100,
  currency: 'USD',
  referralCode: 'HARBOUR',
  confirmed: true,
});
const [first, second] = await Promise.all(
  ['order-1', 'order-2'].map(async (id) =>
    dataOf(shop('POST', '/tracking/conversion', { body: order(id) }), 201),
  ),
);
const adjust = (id: string) =>
  admin('POST', `/operations/commissions/${id}/adjust`, { body: { newAmount: 3, reason: 'Agreed' } });
await dataOf(adjust(first.commissions[0].id));
await dataOf(adjust(second.commissions[0].id));
const bulk = { action: 'confirm', ids: [first.commissions[0].id], params: { reason: 'Checked' } };
await dataOf(admin('POST', '/operations/commissions/bulk', { body: bulk }), 202);
await dataOf(admin('POST', '/operations/jobs/confirm-due-commissions/run', { body: {} }), 202);
await waitFor(
  async () => {
    const rows = await db.query("SELECT FROM jobs WHERE status IN ('queued', 'running')");
    return rows.length === 0 && receiver.requests.length > 0;
  },
  { timeoutMs: 60_000, what: 'the end of all jobs, and a webhook' },
);

/** Figures of the whole are measured every 15 s. */
const MEASURED = { timeoutMs: 60_000, intervalMs: 250, what: 'the next measurement' };

async function scrape(name: (typeof SCRAPED_SERVICES)[number]): Promise<Map<string, ExposedMetric>> {
  return parseExposition(await (await fetch(`${platform.services[name].url}/metrics`)).text());
}

/** What each process exposes, once the gauges were measured and the last deliveries counted. */
async function scrapeAll() {
  return new Map(
    await Promise.all(SCRAPED_SERVICES.map(async (name) => [name, await scrape(name)] as const)),
  );
}

/** Of which this run need not have a series: something has to go wrong first. */
const RARE = new Set(['event_retries_total', 'dead_letters_total', 'consumer_restarts_total']);

await waitFor(async () => {
  const seen = [...(await scrapeAll()).values()];
  return Object.keys(METRICS)
    .filter((name) => !RARE.has(name))
    .every((name) => seen.some((metrics) => (metrics.get(name)?.series.length ?? 0) > 0));
}, MEASURED).catch(() => undefined);
const scraped = await scrapeAll();

const PROCESS = /^(process|nodejs)_/;
const OWN_LABELS = new Set(['service', 'le']);

t.test('every metric is there, with its type and its labels, in the processes that have it', async (t) => {
  for (const [name, { type, labels, services = SCRAPED_SERVICES }] of Object.entries(METRICS)) {
    const holders = SCRAPED_SERVICES.filter((service) => scraped.get(service)?.has(name) === true);
    t.same(
      holders,
      SCRAPED_SERVICES.filter((service) => services.includes(service)),
      name,
    );
    const series = holders.flatMap((service) => scraped.get(service)?.get(name)?.series ?? []);
    for (const service of holders)
      t.equal(scraped.get(service)?.get(name)?.type, type, `${name} of ${service}`);
    if (!RARE.has(name)) t.not(series.length, 0, `${name} has a series`);
    const seen = new Set(series.flatMap((one) => Object.keys(one.labels)));
    for (const label of OWN_LABELS) if (!labels.includes(label)) seen.delete(label);
    if (series.length > 0) t.same([...seen].sort(), [...labels].sort(), `labels of ${name}`);
  }
});

t.test('no process exposes a metric that the table does not have', async (t) => {
  for (const [service, metrics] of scraped) {
    const unknown = [...metrics.keys()].filter((name) => !PROCESS.test(name) && METRICS[name] === undefined);
    t.same(unknown, [], service);
  }
});

t.test('labels are bounded: no id, address, query or raw URL is ever a value', async (t) => {
  const UNBOUNDED = /[0-9a-f]{8}-[0-9a-f]{4}-|[?&@]|\d{6,}|order-|HARBOUR|127\.0\.0\.1|no\/such/i;
  for (const [service, metrics] of scraped) {
    for (const [name, { series }] of metrics) {
      if (name === 'nodejs_version_info') continue;
      const bad = series
        .flatMap(({ labels }) => Object.values(labels))
        .filter((value) => UNBOUNDED.test(value));
      t.same(bad, [], `${name} of ${service}`);
    }
  }
  const paths = scraped
    .get('gateway')
    ?.get('http_requests_total')
    ?.series.map(({ labels }) => labels['path']);
  t.match(paths, /./, 'the gateway counts by path');
  t.ok(paths?.includes('unmatched'), 'what no route matches shares one value');
  t.ok(
    paths?.some((path) => path?.includes(':id')),
    'an id in a path is its parameter',
  );
});

t.test('figures of the whole come from one process, and are those of the database', async (t) => {
  const gauges = scraped.get('batch-scheduler');
  const [row] = await db.query<{ open: number }>(
    "SELECT count(*)::int AS open FROM commissions WHERE status IN ('pending', 'confirmed')",
  );
  await waitFor(async () => {
    const now = await scrape('batch-scheduler');
    return now.get('commissions_in_progress')?.series[0]?.value === row?.open;
  }, MEASURED);
  t.equal(gauges?.get('commissions_in_progress')?.series.length, 1);
});

t.test('a panel or an alert asks for nothing that the platform does not expose', async (t) => {
  const limits = readLimits();
  const questions = [
    ...dashboardQueries(),
    ...readAlerts().map(({ alert, expr }) => ({ panel: `alert ${alert}`, expr })),
  ];
  const exposed = [...scraped.values()];
  for (const { panel, expr } of questions) {
    for (const { metric, labels } of questionsOf(expr)) {
      if (metric === 'up' || limits.has(metric)) continue;
      const name = metric.replace(/_(bucket|sum|count)$/, '');
      const series = exposed.flatMap((metrics) => (metrics.get(metric) ?? metrics.get(name))?.series ?? []);
      const known = exposed.some((metrics) => metrics.has(metric) || metrics.has(name));
      t.ok(known, `${panel}: ${metric}`);
      const seen = new Set(['job', 'instance', ...series.flatMap((one) => Object.keys(one.labels))]);
      if (!RARE.has(metric))
        t.same(
          labels.filter((label) => !seen.has(label)),
          [],
          `${panel}: labels of ${metric}`,
        );
    }
  }
});

t.test('the limit of a quantile is a bound of its histogram, past which nothing is guessed', async (t) => {
  const QUANTILE = /^histogram_quantile\(.*\b(\w+)_bucket\b.*\) > ([\d.]+)$/s;
  const compared = readAlerts().flatMap(({ alert, expr }) => {
    const [, metric, limit] = QUANTILE.exec(expr) ?? [];
    return metric === undefined ? [] : [{ alert, metric, limit }];
  });
  t.same(compared.map(({ alert }) => alert).sort(), ['EventConsumerLag', 'SlowRequestsP95']);
  for (const { alert, metric, limit } of compared) {
    const series = [...scraped.values()].flatMap((metrics) => metrics.get(metric)?.series ?? []);
    t.ok(new Set(series.map(({ labels }) => labels['le'])).has(limit), `${alert}: ${metric} at ${limit}`);
  }
});

t.test('a consumer counts as stalled only for want of events that it takes', async (t) => {
  const expr = readAlerts().find(({ alert }) => alert === 'EventConsumerStalled')?.expr ?? '';
  const [, consumers = '', meant = '', but = ''] =
    /consumer=~"([^"]+)".*type=~"([^"]+)",type!~"([^"]+)"/.exec(expr) ?? [];
  const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);
  const published = EVENT_TYPES.filter((type) => whole(meant).test(type) && !whole(but).test(type));
  t.ok(published.length > 0 && published.every((type) => streamOf(type) === 'COMMISSIONS'));
  const taken = new Map<string, Set<string>>();
  for (const metrics of scraped.values()) {
    for (const { labels } of metrics.get('events_consumed_total')?.series ?? []) {
      const { consumer = '', type = '' } = labels;
      if (whole(consumers).test(consumer)) taken.set(consumer, (taken.get(consumer) ?? new Set()).add(type));
    }
  }
  t.same([...taken.keys()].sort(), ['analytics-commissions', 'webhooks-commissions']);
  for (const [consumer, types] of taken)
    t.same(
      published.filter((type) => !types.has(type)),
      [],
      consumer,
    );
});

t.test('the gateway also answers its metrics to a Prometheus that reaches only the gateway', async (t) => {
  const answer = await fetch(`${platform.gatewayUrl}/api/v1/metrics`);
  t.equal(answer.status, 200);
  t.ok(parseExposition(await answer.text()).has('upstream_requests_total'));
});
