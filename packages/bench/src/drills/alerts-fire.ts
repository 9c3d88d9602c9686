import { setTimeout as pause } from 'node:timers/promises';

import { exampleEvent } from '@tributary/event-catalog';
import { connectMessaging, publishUnrecorded } from '@tributary/messaging';
import { readAlerts } from '@tributary/monitoring';
import { createLogger, createMetrics } from '@tributary/runtime';
import { uuidv7 } from 'uuidv7';

import type { DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { type DrillPlatform, startDrillPlatform } from '../platform/platform.ts';
import { startPrometheus, type WatchingPrometheus } from '../platform/prometheus.ts';
import { startTraffic } from '../platform/traffic.ts';

/** What is broken, and the alerts that have to fire for it. */
const EXPECTED: Readonly<Record<string, string>> = {
  ServiceDown: 'analytics-service killed',
  InstanceDown: 'analytics-service killed',
  HighErrorRate: 'the gateway cannot answer for analytics-service',
  RateLimiterFailingOpen: 'Redis killed',
  WebhookFailureRate: "the partners' receivers killed",
  DeadLettersGrowing: 'an event that nobody can read',
  JobFailed: 'a job with parameters that make no sense',
};
/** Of these the expression needs so long to be true: a rate over two minutes that was good until now. */
const RISING_S: Readonly<Record<string, number>> = { HighErrorRate: 45, WebhookFailureRate: 45 };
/** Two scrapes, two evaluations, and a second for us to see it. */
const SEEN_WITHIN_S = 21;
const RESOLVED_WITHIN_S = 30;
const REQUESTS_PER_SECOND = 30;
const QUIET_MS = 20_000;
/** Leased by the hundredth, so that Redis is asked every few seconds. */
const LEASED_SOON = '20000';

export const alertsFireDrill: DrillDeclaration = {
  name: 'alerts-fire',
  says: 'a real Prometheus beside the platform: what breaks makes its alert fire in time, and nothing fires before',
  async run(context) {
    const platform = await startDrillPlatform(context, { environment: { RATE_LIMIT_API_KEY: LEASED_SOON } });
    try {
      const prometheus = await startPrometheus(platform);
      try {
        return await drill(platform, prometheus);
      } finally {
        await prometheus.stop();
      }
    } finally {
      await platform.stop();
    }
  },
};

async function drill(platform: DrillPlatform, prometheus: WatchingPrometheus): Promise<DrillResult> {
  const { log } = platform.context;
  const traffic = startTraffic(platform, { perSecond: REQUESTS_PER_SECOND });
  await pause(QUIET_MS);
  const early = await prometheus.firing();
  log(`after ${QUIET_MS / 1_000} s with nothing broken: ${[...early].join(', ') || 'nothing fires'}`);
  await breakThings(platform);
  const fired = await watch(prometheus);
  const limits = limitsInSeconds();
  let isInTime = true;
  for (const [name, why] of Object.entries(EXPECTED)) {
    const at = fired.get(name);
    const limit = limits.get(name) ?? 0;
    log(`${name} (${why}): ${at === undefined ? 'DID NOT FIRE' : `after ${at.toFixed(0)} s`} of ${limit} s`);
    if (at === undefined || at > limit) isInTime = false;
  }
  await platform.ensembles[0].upstreams['analytics-service'].start();
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1_000;
  while ((await prometheus.firing()).has('ServiceDown') && elapsed() < RESOLVED_WITHIN_S) await pause(500);
  const isResolved = !(await prometheus.firing()).has('ServiceDown');
  log(
    `analytics-service back: ServiceDown ${isResolved ? 'resolved' : 'still fires'} after ${elapsed().toFixed(0)} s`,
  );
  await traffic.stop();
  return { passed: early.size === 0 && isInTime && isResolved };
}

async function breakThings(platform: DrillPlatform): Promise<void> {
  const { ensembles, servers, receiver, owner } = platform;
  await publishNonsense(platform);
  await owner.query(
    `INSERT INTO jobs (id, name, trigger, parameters, actor) VALUES ($1, 'purge-expired', 'manual', '{"nonsense": true}', $2)`,
    [uuidv7(), { kind: 'system', id: null, name: 'drill' }],
  );
  // Read by the consumer before anything else happens.
  await pause(2_000);
  await ensembles[0].upstreams['analytics-service'].kill();
  await servers.redis.kill('SIGKILL');
  await receiver.stop();
}

/** An event of a known type without anything that it should say. */
async function publishNonsense({ servers }: DrillPlatform): Promise<void> {
  const messaging = connectMessaging({
    url: servers.nats.url,
    name: 'drill',
    logger: createLogger({ service: 'drill', level: 'silent' }),
    metrics: createMetrics({ service: 'drill' }),
  });
  await messaging.whenLive(AbortSignal.timeout(10_000));
  const event = { ...exampleEvent('commission.adjusted'), id: uuidv7() };
  Reflect.set(event, 'data', { nonsense: true });
  await publishUnrecorded(messaging, event);
  await messaging.close();
}

/** By when each has to be seen: how long its rule waits, and what it takes to come true. */
function limitsInSeconds(): Map<string, number> {
  return new Map(
    readAlerts().map(({ alert, for: waits = '0m' }) => [
      alert,
      Number.parseInt(waits, 10) * 60 + (RISING_S[alert] ?? 0) + SEEN_WITHIN_S,
    ]),
  );
}

/** After how many seconds each alert fired first. */
async function watch(prometheus: WatchingPrometheus): Promise<Map<string, number>> {
  const began = performance.now();
  const fired = new Map<string, number>();
  const limits = limitsInSeconds();
  const last = Math.max(...Object.keys(EXPECTED).map((name) => limits.get(name) ?? 0));
  for (;;) {
    const elapsed = (performance.now() - began) / 1_000;
    for (const name of await prometheus.firing()) if (!fired.has(name)) fired.set(name, elapsed);
    const isComplete = Object.keys(EXPECTED).every((name) => fired.has(name));
    if (isComplete || elapsed > last) return fired;
    await pause(500);
  }
}
