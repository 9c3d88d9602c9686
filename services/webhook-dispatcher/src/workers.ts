import { setTimeout as pause } from 'node:timers/promises';
import type { EventType, StoredEvent } from '@tributary/event-catalog';
import { runConsumer, subscribeBroadcast } from '@tributary/messaging';
import type { Messaging } from '@tributary/messaging';
import { createLease, newId, runWithLease } from '@tributary/runtime';
import type { Clock, Logger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import type { Dispatcher } from 'undici';
import { createCourier } from './deliveries/courier.ts';
import { DeliveryLoop } from './deliveries/delivery-loop.ts';
import { DEFAULT_BREAKER } from './deliveries/endpoint-health.ts';
import type { BreakerSettings } from './deliveries/endpoint-health.ts';
import { forgetBacklog, measureBacklog, settleOrphans } from './deliveries/gauges.ts';
import { joinDispatchers } from './deliveries/presence.ts';
import { Traffic } from './deliveries/traffic.ts';
import type { TrafficLimits } from './deliveries/traffic.ts';
import { disableEndpoints } from './endpoints/auto-disable.ts';
import { createResealer } from './endpoints/reseal-secrets.ts';
import type { SecretBox } from './encryption/secret-box.ts';
import { fanOutConsumers } from './fan-out/consumers.ts';
import { FanOut } from './fan-out/fan-out.ts';
import type { WebhookMetrics } from './metrics.ts';
import type { SigningKeys } from './signing/signing-keys.ts';

export interface WorkerDeps {
  readonly db: Database;
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics: WebhookMetrics;
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  readonly signingKeys: SigningKeys;
  readonly secretBox: SecretBox;
  readonly publish: (events: readonly StoredEvent[]) => void;
  readonly limits: TrafficLimits;
  readonly deadlineMs: number;
  readonly breaker?: BreakerSettings;
}

export interface Workers {
  /** Something may be due now. */
  wake(): void;
  /** Takes no new events or deliveries, lets attempts under way end and writes them down. */
  stop(): Promise<void>;
}

const HOUSEKEEPING_MS = 5_000;

/** After these, what was read of an endpoint may be wrong. */
const ENDPOINT_CHANGES = [
  'webhook_endpoint.updated',
  'webhook_endpoint.disabled',
  'webhook_endpoint.auto_disabled',
  'webhook_endpoint.deleted',
] as const satisfies readonly EventType[];

/** Fan-out, deliveries and the housekeeping that one of all dispatchers does. */
export async function startWorkers(deps: WorkerDeps): Promise<Workers> {
  const { db, messaging, logger, deadlineMs, limits, breaker = DEFAULT_BREAKER, metrics } = deps;
  const holder = `webhook-dispatcher:${newId()}`;
  const traffic = new Traffic(limits);
  const presence = await joinDispatchers({
    db,
    logger,
    holder,
    onShare: (share) => (traffic.rateShare = share),
  });
  const loop = new DeliveryLoop({
    db,
    logger,
    traffic,
    courier: createCourier(deps),
    breaker,
    perPartner: limits.inFlightPerPartner,
    deadlineMs,
    onRecorded: (records) => metrics.observe(records),
    onHeld: ({ eventType }) => metrics.countHeld(eventType),
    onUnsigned: ({ eventType }) => metrics.countUnsigned(eventType),
    publish: deps.publish,
    onVerdicts: (verdicts) => disableEndpoints(deps, verdicts),
  });
  loop.start();
  const fanOut = new FanOut({ db, traffic, loop });
  const consumers = fanOutConsumers((events) => fanOut.take(events)).map((definition) =>
    runConsumer({ messaging, db }, definition),
  );
  const changes = subscribeBroadcast(messaging, {
    name: 'webhook-endpoints',
    types: ENDPOINT_CHANGES,
    onEvent: ({ data }) => loop.giveBack(data.endpointId),
    onReset: () => loop.giveBack(),
  });
  const reseal = createResealer(deps);
  const housekeeping = runWithLease({
    lease: createLease({ db, name: 'webhook-housekeeping', holder }),
    logger,
    run: (_held, signal) => keepHouse(deps, reseal, signal),
  });
  return {
    wake: () => loop.wake(),
    async stop() {
      await Promise.all([...consumers, changes].map((reader) => reader.stop()));
      await loop.stop();
      await Promise.all([presence.stop(), housekeeping.stop()]);
    },
  };
}

async function keepHouse(
  { db, metrics }: WorkerDeps,
  reseal: () => Promise<number>,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted) {
      await measureBacklog(db, metrics);
      await settleOrphans(db);
      await reseal();
      await pause(HOUSEKEEPING_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    forgetBacklog(metrics);
  }
}
