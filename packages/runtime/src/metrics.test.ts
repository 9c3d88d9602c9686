import t from 'tap';
import { createMetrics } from './metrics.ts';
import { cacheMetrics, commissionMetrics } from './shared-metrics.ts';

await t.test('every series carries the service, the default ones too', async (t) => {
  const metrics = createMetrics({ service: 'tracking-service' });
  metrics.counter({ name: 'things_total', help: 'Things', labels: ['kind'] }).inc({ kind: 'a' });
  const text = await metrics.expose();
  t.match(text, /things_total\{kind="a",service="tracking-service"\} 1/);
  t.match(text, /process_cpu_seconds_total\{service="tracking-service"\}/);
});

await t.test('defining a metric again answers the one that exists', async (t) => {
  const metrics = createMetrics({ service: 'x' });
  commissionMetrics(metrics).transitions.inc({ action: 'pay', outcome: 'done' });
  commissionMetrics(metrics).transitions.inc({ action: 'pay', outcome: 'done' });
  t.match(
    await metrics.expose(),
    /commission_transitions_total\{action="pay",outcome="done",service="x"\} 2/,
  );
});

await t.test('two registries do not meet', async (t) => {
  const [one, other] = [createMetrics({ service: 'one' }), createMetrics({ service: 'other' })];
  one.counter({ name: 'things_total', help: 'Things' }).inc();
  t.notMatch(await other.expose(), /things_total/);
});

await t.test('a gauge is asked when it is scraped', async (t) => {
  const metrics = createMetrics({ service: 'x' });
  metrics.gauge({ name: 'pending', help: 'Pending', collect: (gauge) => gauge.set(7) });
  t.match(await metrics.expose(), /pending\{service="x"\} 7/);
});

await t.test('a cache knows its hit rate', async (t) => {
  const metrics = createMetrics({ service: 'x' });
  const cache = cacheMetrics(metrics, 'policies');
  for (const hit of [true, true, true, false]) {
    if (hit) cache.hit();
    else cache.miss();
  }
  const text = await metrics.expose();
  t.match(text, /cache_hit_rate\{cache="policies",service="x"\} 0\.75/);
  t.match(text, /cache_requests_total\{cache="policies",outcome="hit",service="x"\} 3/);
});
