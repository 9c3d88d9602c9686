import { setTimeout as pause } from 'node:timers/promises';
import type { StoredEvent } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import type { EndpointLane } from '@tributary/schema/tables';
import type { Logger } from '@tributary/runtime';
import { claimDue, claimLeaseMs } from './claim.ts';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import type { Courier } from './courier.ts';
import { insertDeliveries } from './insert-deliveries.ts';
import { LeftToOthers } from './left-to-others.ts';
import { NewDeliveries } from './new-deliveries.ts';
import type { Recorded } from './new-deliveries.ts';
import type { AttemptRecord } from './record-attempts.ts';
import { recordAttempts, releaseClaims } from './record-attempts.ts';
import type { EndpointVerdict, BreakerSettings } from './endpoint-health.ts';
import { observeHealth, recordHealth } from './endpoint-health.ts';
import type { InFlight, Traffic } from './traffic.ts';
import { SLOW_PER_ENDPOINT } from './traffic.ts';
import { Wakeup } from './wakeup.ts';
import { WriteBack } from './write-back.ts';

export interface DeliveryLoopDeps {
  readonly db: Database;
  readonly logger: Logger;
  readonly traffic: Traffic;
  readonly courier: Courier;
  readonly breaker: BreakerSettings;
  readonly perPartner: number;
  /** An attempt's total deadline. */
  readonly deadlineMs: number;
  readonly pollMs?: number;
  /** Called with what was written, for metrics. */
  readonly onRecorded: (records: readonly AttemptRecord[]) => void;
  /** Called with each new delivery that is not even tried, since its endpoint's circuit is open; for metrics. */
  readonly onHeld: (delivery: ClaimedDelivery) => void;
  /** Called with each delivery that this process lacks the key to sign, and leaves to another; for metrics. */
  readonly onUnsigned: (delivery: ClaimedDelivery) => void;
  /** Publishes what was announced with the health of endpoints. */
  readonly publish: (events: readonly StoredEvent[]) => void;
  /** Called with endpoints to switch off. */
  readonly onVerdicts: (verdicts: readonly EndpointVerdict[]) => Promise<void>;
}

/** Beyond this an attempt is slow, and its endpoint leaves the main lane. */
const SLOW_AFTER_MS = 500;
const WATCH_MS = 100;
/** Between two claims while there is work: at least this, and four times what the last one took ... */
const MIN_CLAIM_SPACING_MS = 20;
/** ... unless it brought so many that the look through the endpoints was well spent. */
const FRUITFUL_CLAIM = 64;
/** For the write-back of an attempt that used up its deadline. */
const CLAIM_MARGIN_MS = 2_000;

/**
 * Sends what is due: takes claims from Postgres (and straight from the fan-out), starts attempts as far as the traffic
 * rules allow, and writes results back in batches.
 */
export class DeliveryLoop {
  readonly #deps: DeliveryLoopDeps;
  readonly #wakeup = new Wakeup();
  readonly #results: WriteBack<Recorded>;
  readonly #released: WriteBack<ClaimedDelivery>;
  readonly #new: NewDeliveries;
  readonly #leftToOthers = new LeftToOthers();
  /** Said once in the log; the metric goes on telling. */
  readonly #unknownKeys = new Set<string>();
  readonly #leaseMs: number;
  #stopping = false;
  /** Postgres may hold due rows that there was no room for. */
  #backlog = true;
  #pumpTimer: NodeJS.Timeout | undefined;
  #pumpQueued = false;
  #polling: Promise<void> | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(deps: DeliveryLoopDeps) {
    this.#deps = deps;
    const { db, logger, deadlineMs } = deps;
    this.#leaseMs = claimLeaseMs(deadlineMs);
    this.#new = new NewDeliveries({
      logger,
      write: async (rows) => {
        const written = new Set(await insertDeliveries(db, rows, this.#leaseMs));
        if (rows.some(({ record, isClaimed }) => record === undefined && !isClaimed)) this.#wakeup.wake();
        await this.#conclude(rows.flatMap(recordedOf), written);
      },
      onResult: (recorded) => this.#results.add(recorded),
      onReleased: (delivery) => this.#released.add(delivery),
    });
    this.#results = new WriteBack({ logger, write: (items) => this.#record(items) });
    this.#released = new WriteBack({
      logger,
      write: async (items) => {
        await releaseClaims(db, items);
        this.#wakeup.wake();
      },
    });
  }

  start(): void {
    this.#polling = this.#poll();
    this.#watch = setInterval(() => this.#watchFlights(), WATCH_MS);
  }

  /**
   * Takes deliveries that have no row yet: those that there is room for are tried at once, the rest are left for a claim.
   * Each promise resolves when the row is written.
   */
  acceptNew(deliveries: readonly ClaimedDelivery[]): Promise<void>[] {
    const { traffic } = this.#deps;
    const now = performance.now();
    const startBefore = this.#startBefore(now);
    const writes = deliveries.map((delivery) => {
      if (delivery.circuitState !== 'closed') this.#deps.onHeld(delivery);
      const isLeft = this.#leftToOthers.has(delivery.endpointId, now);
      if (isLeft) this.#deps.onUnsigned(delivery);
      if (isLeft || !traffic.hasRoomFor(delivery)) return this.#new.leave(delivery, now);
      const written = this.#new.begin(delivery, now);
      traffic.add({ delivery, startBefore });
      return written;
    });
    this.#pump();
    return writes;
  }

  /** An attempt that starts later might outlive a claim made now. */
  #startBefore(claimedAt: number): number {
    return claimedAt + this.#leaseMs - this.#deps.deadlineMs - CLAIM_MARGIN_MS;
  }

  /** Something may be due in Postgres now. */
  wake(): void {
    this.#wakeup.wake();
  }

  /**
   * What waits here for an endpoint knows it as it was when it was claimed: given back, it is claimed again with the
   * present URL and secret, or not at all. Without an id, what waits for any.
   */
  giveBack(endpointId?: string): void {
    for (const delivery of this.#deps.traffic.drainWaiting(endpointId)) this.#release(delivery);
  }

  /** Takes nothing new, lets what is in flight end, writes it down and gives the rest back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeup.wake();
    await this.#polling;
    clearTimeout(this.#pumpTimer);
    this.giveBack();
    while (this.#deps.traffic.inFlight > 0) await this.#wakeup.sleep(50);
    clearInterval(this.#watch);
    // New rows first: what happened while they were written is added to the others.
    await this.#new.flush();
    await Promise.all([this.#results.flush(), this.#released.flush()]);
  }

  async #poll(): Promise<void> {
    const { pollMs = 500, logger, traffic } = this.#deps;
    while (!this.#stopping) {
      const startedAt = performance.now();
      let claimed = 0;
      try {
        // Before the claim: what was full or held then may have left rows behind that nobody announces.
        const wasCrowded = traffic.isCrowded;
        claimed = (await this.#claim('main')) + (await this.#claim('slow'));
        this.#backlog = claimed > 0 || wasCrowded;
      } catch (err) {
        logger.warn({ err }, 'deliveries could not be claimed');
      }
      const tookMs = performance.now() - startedAt;
      traffic.forgetQuiet(performance.now());
      await this.#wakeup.sleep(pollMs);
      // However often it is woken, claims that bring little stay a fifth of the work at most.
      const isFruitful = claimed >= FRUITFUL_CLAIM;
      if (!this.#stopping && !isFruitful) await pause(Math.max(MIN_CLAIM_SPACING_MS, tookMs * 4));
    }
  }

  async #claim(lane: EndpointLane): Promise<number> {
    const { db, traffic, perPartner } = this.#deps;
    // With Postgres slow, results pile up: nothing new until they are written.
    const limit = traffic.free(lane) - this.#results.size - this.#new.size;
    if (limit <= 0) return 0;
    const now = performance.now();
    const startBefore = this.#startBefore(now);
    const claimed = await claimDue(db, {
      lane,
      limit,
      perPartner: lane === 'main' ? perPartner * 2 : perPartner,
      perEndpoint: lane === 'main' ? perPartner * 2 : SLOW_PER_ENDPOINT,
      partnerCapacity: traffic.partnerCapacity(),
      heldEndpoints: [...traffic.heldEndpoints(), ...this.#leftToOthers.list(now)],
      rateShare: traffic.rateShare,
      leaseMs: this.#leaseMs,
    });
    for (const delivery of claimed) traffic.add({ delivery, startBefore });
    this.#pump();
    return claimed.length;
  }

  /** Starts what may start, once per turn of the event loop however often it is asked for. */
  #pumpSoon(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    setImmediate(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#stopping) return;
    const { start, overdue, waitMs } = this.#deps.traffic.takeStartable(performance.now());
    for (const delivery of overdue) this.#release(delivery);
    for (const flight of start) void this.#fly(flight);
    clearTimeout(this.#pumpTimer);
    if (Number.isFinite(waitMs)) this.#pumpTimer = setTimeout(() => this.#pump(), Math.ceil(waitMs));
  }

  async #fly(flight: InFlight): Promise<void> {
    const done = await this.#deps.courier(flight.delivery);
    if (done.outcome === 'key_unknown') this.#leave(flight, done.keyId);
    else this.#land(flight, done.record);
    this.#pumpSoon();
    if (this.#backlog || this.#stopping) this.#wakeup.wake();
  }

  #land(flight: InFlight, record: AttemptRecord): void {
    const { ok, durationMs } = record.result;
    const lane = this.#deps.traffic.finish(flight, ok, durationMs < SLOW_AFTER_MS);
    if (!this.#new.attempted({ record, lane })) this.#results.add({ record, lane });
  }

  /** Not an attempt, and no fault of the receiver's: a dispatcher that has the key sends it, now or once there is one. */
  #leave(flight: InFlight, keyId: string): void {
    const { traffic, logger, onUnsigned } = this.#deps;
    const { delivery } = flight;
    traffic.withdraw(flight);
    this.#leftToOthers.leave(delivery.endpointId, performance.now());
    if (!this.#unknownKeys.has(keyId)) {
      this.#unknownKeys.add(keyId);
      logger.error(
        { keyId, endpointId: delivery.endpointId },
        'webhooks are left unsigned: their key is not here',
      );
    }
    onUnsigned(delivery);
    this.#release(delivery);
  }

  #release(delivery: ClaimedDelivery): void {
    if (!this.#new.released(delivery)) this.#released.add(delivery);
  }

  #watchFlights(): void {
    const { traffic } = this.#deps;
    const now = performance.now();
    this.#new.writeOverdue(now);
    const overstaying = traffic.overstaying(now - SLOW_AFTER_MS);
    for (const flight of overstaying) traffic.moveToSlowLane(flight);
    if (overstaying.length > 0) this.#pumpSoon();
  }

  async #record(items: readonly Recorded[]): Promise<void> {
    const records = items.map(({ record }) => record);
    const written = new Set(await recordAttempts(this.#deps.db, records));
    await this.#conclude(items, written);
  }

  /** What follows from results that are written: metrics, and the health of endpoints. */
  async #conclude(items: readonly Recorded[], written: ReadonlySet<string>): Promise<void> {
    const { db, breaker, publish, onRecorded, onVerdicts, logger } = this.#deps;
    const lanes = new Map(items.map(({ record, lane }) => [record, lane]));
    const ours = [...lanes.keys()].filter(({ delivery }) => written.has(delivery.id));
    if (ours.length < items.length) {
      logger.warn({ late: items.length - ours.length }, 'results came after their claim had passed on');
    }
    onRecorded(ours);
    try {
      const observed = observeHealth(ours, (record) => lanes.get(record) ?? 'main');
      const { verdicts, opened } = await recordHealth(db, observed, breaker);
      if (opened.length > 0) publish(opened);
      if (verdicts.length > 0) await onVerdicts(verdicts);
    } catch (err) {
      // The deliveries themselves are written; the next batch observes anew.
      logger.warn({ err }, 'the health of endpoints could not be written');
    }
  }
}

const recordedOf = ({ record, lane }: { record?: AttemptRecord; lane?: EndpointLane }): Recorded[] =>
  record === undefined || lane === undefined ? [] : [{ record, lane }];
