import { setTimeout as pause } from 'node:timers/promises';
import { eventCatalog } from '@tributary/event-catalog';
import type { EventEnvelope } from '@tributary/event-catalog';
import { newId } from '@tributary/runtime';
import { DatabaseUnavailableError } from '@tributary/schema';
import type { Database } from '@tributary/schema';
import type { ClaimedDelivery } from '../deliveries/claimed-delivery.ts';
import type { DeliveryLoop } from '../deliveries/delivery-loop.ts';
import type { Traffic } from '../deliveries/traffic.ts';
import { findTargets } from './find-targets.ts';
import type { SubscribedEndpoint } from './find-targets.ts';
import { outgoingEvent } from './webhook-body.ts';
import type { OutgoingEvent } from './webhook-body.ts';

export interface FanOutDeps {
  readonly db: Pick<Database, 'query'>;
  readonly traffic: Traffic;
  readonly loop: Pick<DeliveryLoop, 'acceptNew'>;
}

interface Queued {
  readonly event: OutgoingEvent;
  readonly written: PromiseWithResolvers<void>;
}

/** Events whose endpoints are looked up by one statement. */
const EVENTS_AT_ONCE = 256;
const MOST_PATIENCE_MS = 100;
const ROOM_POLL_MS = 2;
/** Rows wait for Postgres as long as it takes; their events go back before the consumer takes the wait for a fault of theirs. */
const LONGEST_WRITE_MS = 20_000;
/** The clocks of two machines may differ by this much; an endpoint gets no events from before it existed. */
const CLOCK_SKEW_MS = 5_000;

/**
 * Turns events into deliveries. An event is done when a row stands in Postgres for each of its deliveries, whatever came of
 * their first attempts by then; until then it stays unacknowledged in JetStream, which gives it to another process should
 * this one die.
 */
export class FanOut {
  readonly #deps: FanOutDeps;
  /** Events that this process has in hand: one that comes again meanwhile is not begun a second time. */
  readonly #inHand = new Map<string, Promise<void>>();
  #queue: Queued[] = [];
  #isLookingUp = false;

  constructor(deps: FanOutDeps) {
    this.#deps = deps;
  }

  /** Resolves when all rows are written. */
  async take(events: readonly EventEnvelope[]): Promise<void> {
    const outgoing = events.filter(({ type }) => eventCatalog[type].partnerVisible).map(outgoingEvent);
    const results = Promise.allSettled(outgoing.map((event) => this.#takeOnce(event)));
    const failed = (await withinTime(results)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  #takeOnce(event: OutgoingEvent): Promise<void> {
    const { eventId } = event;
    const known = this.#inHand.get(eventId);
    if (known !== undefined) return known;
    const written = Promise.withResolvers<void>();
    const done = written.promise.finally(() => this.#inHand.delete(eventId));
    this.#inHand.set(eventId, done);
    this.#queue.push({ event, written });
    if (!this.#isLookingUp) {
      this.#isLookingUp = true;
      void this.#lookUpAll();
    }
    return done;
  }

  /** One statement at a time: while one is under way the next events gather. */
  async #lookUpAll(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      await this.#waitForRoom();
      const batch = this.#queue.splice(0, EVENTS_AT_ONCE);
      try {
        this.#begin(
          batch,
          await findTargets(
            this.#deps.db,
            batch.map(({ event }) => event),
          ),
        );
      } catch (error) {
        for (const { written } of batch) written.reject(error);
      }
    }
    this.#isLookingUp = false;
  }

  /**
   * Rows that find no room cost a second write, by the claim that fetches them later; so with every slot in use a batch
   * waits a little in JetStream rather than in the table. Not for long: the one who takes the room may be slow.
   */
  async #waitForRoom(): Promise<void> {
    const { traffic } = this.#deps;
    const until = performance.now() + MOST_PATIENCE_MS;
    const wanted = (): number => Math.min(this.#queue.length, EVENTS_AT_ONCE);
    while (traffic.free('main') < wanted() && performance.now() < until) await pause(ROOM_POLL_MS);
  }

  #begin(batch: readonly Queued[], endpoints: readonly SubscribedEndpoint[]): void {
    const byPartner = Map.groupBy(endpoints, ownerKey);
    const deliveries: ClaimedDelivery[] = [];
    const counts = batch.map(({ event }) => {
      const targets = (byPartner.get(ownerKey(event)) ?? []).filter((endpoint) => isFor(endpoint, event));
      for (const target of targets) deliveries.push(newDelivery(event, target));
      return targets.length;
    });
    const writes = this.#deps.loop.acceptNew(deliveries);
    let next = 0;
    batch.forEach(({ written }, index) => {
      const own = writes.slice(next, (next += counts[index] ?? 0));
      Promise.all(own).then(() => written.resolve(), written.reject);
    });
  }
}

async function withinTime<Result>(work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new DatabaseUnavailableError('rows of deliveries cannot be written')),
    LONGEST_WRITE_MS,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const ownerKey = ({ programId, partnerId }: Pick<OutgoingEvent, 'programId' | 'partnerId'>): string =>
  `${programId} ${partnerId}`;

const isFor = (endpoint: SubscribedEndpoint, event: OutgoingEvent): boolean =>
  (endpoint.eventTypes.length === 0 || endpoint.eventTypes.includes(event.eventType)) &&
  endpoint.createdAt.getTime() <= event.occurredAt.getTime() + CLOCK_SKEW_MS &&
  endpoint.endpointId !== event.aboutEndpointId &&
  !endpoint.knownEvents.includes(event.eventId);

const newDelivery = (event: OutgoingEvent, target: SubscribedEndpoint): ClaimedDelivery => ({
  ...target,
  ...event,
  id: newId(),
  attempts: 0,
  roundStart: 0,
  claimToken: '1',
});
