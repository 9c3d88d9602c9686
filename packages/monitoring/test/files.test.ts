import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';
import { parse } from 'yaml';

import { alertmanagerConfig, ALERT_SETTINGS, prometheusConfig } from '../src/configure.ts';
import {
  faultsOf,
  questionsOf,
  readAlerts,
  readLimits,
  SCRAPED_SERVICES,
  dashboardQueries,
} from '../src/index.ts';
import { DASHBOARDS } from '../src/dashboards/index.ts';
import { ALERTMANAGER_FILE, PROMETHEUS_FOLDER, RUNBOOK } from '../src/project.ts';
import { dashboardFiles } from '../src/write-dashboards.ts';

const alerts = readAlerts();
const limits = readLimits();

t.test(
  'every alert names a section of the runbook, and the runbook has none that nobody names',
  async (t) => {
    const sections = [...readFileSync(RUNBOOK, 'utf8').matchAll(/^## (.+)$/gm)].map(
      ([, title = '']) => title,
    );
    t.same(alerts.map(({ alert }) => alert).sort(), sections.sort());
    for (const { alert, annotations } of alerts)
      t.equal(annotations.runbook, `docs/runbook.md#${alert.toLowerCase()}`);
  },
);

t.test('a section of the runbook says what to look at, how to mend it and when it is mended', async (t) => {
  const [, ...sections] = readFileSync(RUNBOOK, 'utf8').split(/^## /m);
  for (const section of sections) {
    const [title = ''] = section.split('\n', 1);
    for (const part of [/\*\*Look at/, /\*\*(Mend|Look at and mend)/, /\*\*Mended when/])
      t.match(section, part, title);
  }
});

t.test('the runbook sends nobody to a dashboard, row or panel that is not there', async (t) => {
  const FOLDER = 'Tributary';
  const panels = new Map<string, Set<string>>();
  for (const dashboard of DASHBOARDS) {
    for (const row of dashboard.rows) {
      const titles = row.panels.map(({ title }) => title);
      for (const place of [dashboard.title, row.title])
        panels.set(place, new Set([...(panels.get(place) ?? []), ...titles]));
    }
  }
  const text = readFileSync(RUNBOOK, 'utf8').replaceAll(/`[^`]*`/g, '');
  const all = new Set([FOLDER, ...panels.keys(), ...[...panels.values()].flatMap((titles) => [...titles])]);
  const named = [...text.matchAll(/"([A-Z][^"]*)"/g)].map(([, title = '']) => title);
  t.ok(named.length > 10);
  t.same(
    named.filter((title) => !all.has(title)),
    [],
  );
  for (const [said, place = '', list = ''] of text.matchAll(
    /"([^"]+)",\s+panels?\s+("[^"]+"(?:\s+and\s+"[^"]+")?)/g,
  ))
    for (const [, title = ''] of list.matchAll(/"([^"]+)"/g))
      t.ok(panels.get(place)?.has(title), said.replaceAll(/\s+/g, ' '));
});

t.test('alerts and panels ask only for metrics and labels that are declared', async (t) => {
  for (const { alert, expr } of alerts) t.same(faultsOf(expr, limits), [], alert);
  for (const { panel, expr } of dashboardQueries()) t.same(faultsOf(expr), [], panel);
});

t.test('an expression with a metric or label that nobody has is seen', async (t) => {
  t.same(faultsOf('sum(rate(no_such_total[5m]))'), ['no_such_total is no metric']);
  t.same(faultsOf('up{colour="red"}'), ['up has no label colour']);
  t.same(faultsOf('sum by (colour) (up)'), ['up has no label colour']);
  t.same(faultsOf('rate(http_requests_total_bucket[5m])'), ['http_requests_total is no histogram']);
  t.same(faultsOf('http_request_duration_seconds > 1'), [
    'http_request_duration_seconds is a histogram: ask for its parts',
  ]);
  t.match(faultsOf('vector(1)'), [/asks for no metric/]);
  t.same(
    questionsOf('sum by (a) (x{b="by (c)"}) > on () limit:y offset 5m').map(({ metric }) => metric),
    ['x', 'limit:y'],
  );
});

t.test('every alert has a case that makes it fire and one that keeps it silent', async (t) => {
  const folder = join(PROMETHEUS_FOLDER, 'tests');
  const names = readdirSync(folder).flatMap((file) => {
    const { tests } = parse(readFileSync(join(folder, file), 'utf8')) as { tests: { name: string }[] };
    return tests.map(({ name }) => name);
  });
  // Further cases of an alert go by `and`.
  const first = names.filter((name) => !name.includes(' and '));
  t.same(first.sort(), alerts.flatMap(({ alert }) => [`${alert} fires`, `${alert} stays silent`]).sort());
});

t.test('Prometheus scrapes every service, each as a job of its own', async (t) => {
  const config = parse(readFileSync(join(PROMETHEUS_FOLDER, 'prometheus.yml'), 'utf8')) as {
    scrape_configs: { job_name: string; dns_sd_configs: { names: string[] }[] }[];
  };
  t.same(
    config.scrape_configs.map(({ job_name }) => job_name),
    [...SCRAPED_SERVICES],
  );
  for (const { job_name, dns_sd_configs } of config.scrape_configs)
    t.same(dns_sd_configs[0]?.names, [job_name]);
});

t.test('beside a stack, Prometheus asks the processes of that stack', async (t) => {
  const services = Object.fromEntries(
    SCRAPED_SERVICES.map((name, index) => [name, `http://127.0.0.1:${4000 + index}`]),
  );
  const text = prometheusConfig(services, '127.0.0.1:9093');
  for (const index of SCRAPED_SERVICES.keys()) t.match(text, `127.0.0.1:${4000 + index}`);
  t.notMatch(text, 'dns_sd');
});

t.test('Alertmanager is told where to send by settings, and no secret stands in its file', async (t) => {
  const text = readFileSync(ALERTMANAGER_FILE, 'utf8');
  const named = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  t.same([...new Set(named)].sort(), Object.keys(ALERT_SETTINGS).sort());
  t.notMatch(text, /hooks\.slack\.com|password:|api_url:/);
  const filled = alertmanagerConfig({ ALERT_EMAIL_TO: 'night@example.org' }, '/secrets');
  t.match(filled, 'to: night@example.org');
  t.match(filled, '/secrets/slack_webhook_url');
  t.notMatch(filled, /\$\{\w/);
});

t.test('the dashboards that Grafana reads are those of the source', async (t) => {
  for (const [path, text] of dashboardFiles())
    t.equal(readFileSync(path, 'utf8'), text, `${path}: run npm run monitor -- --dashboards`);
});
