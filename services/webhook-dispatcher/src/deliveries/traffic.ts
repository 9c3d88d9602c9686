import type { EndpointLane } from '@tributary/schema/tables';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import { createEndpointTraffic, isIdle, noteResult } from './endpoint-traffic.ts';
import type { EndpointTraffic, Waiting } from './endpoint-traffic.ts';
import { SlidingRate } from './sliding-rate.ts';

export interface TrafficLimits {
  readonly inFlightPerPartner: number;
  readonly inFlightTotal: number;
  readonly ratePerPartner: number;
}

export interface InFlight {
  readonly delivery: ClaimedDelivery;
  readonly startedAt: number;
  lane: EndpointLane;
}

interface PartnerTraffic {
  inFlight: number;
  waiting: number;
  rate: SlidingRate;
}

/** A quarter of the slots at most goes to endpoints that are slow or failing. */
const SLOW_LANE_SHARE = 4;
/** Slots of one endpoint in the slow lane. */
export const SLOW_PER_ENDPOINT = 4;
/** Deliveries in hand for each one in flight: keeps slots busy while the next claim is under way. */
const PREFETCH = 2;
/**
 * Those that overstay hold no slot beyond the slow lane's share, so that any number of receivers that turn slow at once
 * keeps nobody out; this many times the slots is where even they stop.
 */
const MOST_IN_FLIGHT = 4;

/**
 * What this process may start now, per partner, endpoint, lane and in all. Pure bookkeeping: no clock and no I/O of its
 * own; times are those of `performance.now()`.
 */
export class Traffic {
  readonly #limits: TrafficLimits;
  readonly #partners = new Map<string, PartnerTraffic>();
  readonly #endpoints = new Map<string, EndpointTraffic>();
  /** Those with something waiting. */
  readonly #busy = new Set<EndpointTraffic>();
  readonly #inFlight = new Set<InFlight>();
  #slowInFlight = 0;
  #waiting = 0;
  #rateShare = 1;

  constructor(limits: TrafficLimits) {
    this.#limits = limits;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get rateShare(): number {
    return this.#rateShare;
  }

  set rateShare(share: number) {
    this.#rateShare = share;
  }

  /** Somebody has no room here, so that a claim may have passed due rows by. */
  get isCrowded(): boolean {
    return this.#waiting > 0 || [...this.#partners.keys()].some((partnerId) => this.freeFor(partnerId) === 0);
  }

  /** How many more deliveries this process can take for a lane. */
  free(lane: EndpointLane): number {
    const { inFlightTotal } = this.#limits;
    const room = inFlightTotal * PREFETCH - this.#slotsTaken - this.#waiting;
    if (lane === 'main') return Math.max(0, room);
    return Math.max(0, Math.min(room, this.#slowLimit - this.#slowInFlight));
  }

  /** How many more of one partner; at most what its rate lets pass in two seconds. */
  freeFor(partnerId: string): number {
    const { inFlightPerPartner, ratePerPartner } = this.#limits;
    const most = Math.min(
      inFlightPerPartner * PREFETCH,
      Math.max(1, Math.floor(ratePerPartner * this.#rateShare * 2)),
    );
    const partner = this.#partners.get(partnerId);
    if (partner === undefined) return most;
    return Math.max(0, most - partner.inFlight - partner.waiting);
  }

  /** Partners with work here, and their room. */
  partnerCapacity(): Map<string, number> {
    return new Map([...this.#partners.keys()].map((partnerId) => [partnerId, this.freeFor(partnerId)]));
  }

  /** Endpoints with enough waiting here: a second of their rate, or all that may be in flight. */
  heldEndpoints(): string[] {
    const held: string[] = [];
    for (const endpoint of this.#busy) {
      if (endpoint.waiting.length >= this.#enoughFor(endpoint)) held.push(endpoint.id);
    }
    return held;
  }

  /** Whether a delivery that nobody has claimed yet may wait here for its turn. */
  hasRoomFor({ partnerId, endpointId, lane, circuitState }: ClaimedDelivery): boolean {
    if (lane !== 'main' || circuitState !== 'closed') return false;
    if (this.free('main') === 0 || this.freeFor(partnerId) === 0) return false;
    const endpoint = this.#endpoints.get(endpointId);
    if (endpoint === undefined) return true;
    return (
      endpoint.waiting.length < this.#enoughFor(endpoint) && (endpoint.lane === 'main' || isIdle(endpoint))
    );
  }

  add(waiting: Waiting): void {
    const { delivery } = waiting;
    this.#partner(delivery.partnerId).waiting += 1;
    const endpoint = this.#endpoint(delivery);
    endpoint.waiting.push(waiting);
    this.#busy.add(endpoint);
    this.#waiting += 1;
  }

  /**
   * Takes what may start now out of the queues. `overdue` are deliveries whose claim would not outlast an attempt, and
   * those that wait for the main lane at an endpoint which has left it; `waitMs` is when a rate next lets something pass.
   */
  takeStartable(now: number): { start: InFlight[]; overdue: ClaimedDelivery[]; waitMs: number } {
    const start: InFlight[] = [];
    const overdue: ClaimedDelivery[] = [];
    let waitMs = Number.POSITIVE_INFINITY;
    for (const endpoint of this.#busy) {
      while (endpoint.waiting[0] !== undefined) {
        const [{ delivery, startBefore }] = endpoint.waiting as [Waiting];
        if (now > startBefore || delivery.lane !== endpoint.lane) {
          this.#dequeue(endpoint);
          overdue.push(delivery);
          continue;
        }
        if (!this.#hasSlot(delivery, endpoint)) break;
        const pause = this.#ratePause(delivery, endpoint, now);
        if (pause > 0) {
          waitMs = Math.min(waitMs, pause);
          break;
        }
        this.#dequeue(endpoint);
        start.push(this.#begin(delivery, endpoint, now));
      }
    }
    return { start, overdue, waitMs };
  }

  /** Ends one. Answers the lane that the endpoint should be in from now on. */
  finish(flight: InFlight, ok: boolean, fast: boolean): EndpointLane {
    const endpoint = this.#end(flight);
    noteResult(endpoint, { ok, fast, mostInFlight: this.#limits.inFlightPerPartner });
    return endpoint.lane;
  }

  /** Ends one that was not sent after all, which says nothing about its endpoint. */
  withdraw(flight: InFlight): void {
    this.#end(flight);
  }

  /** Moves an endpoint, with what it has in flight, out of the way of the others. */
  moveToSlowLane(flight: InFlight): void {
    const endpoint = this.#endpoint(flight.delivery);
    endpoint.lane = 'slow';
    endpoint.fastSuccesses = 0;
    if (flight.lane === 'slow') return;
    flight.lane = 'slow';
    this.#slowInFlight += 1;
  }

  /** In flight since before `since`, in the main lane. */
  overstaying(since: number): InFlight[] {
    const found: InFlight[] = [];
    for (const flight of this.#inFlight) {
      // Insertion order is starting order.
      if (flight.startedAt > since) break;
      if (flight.lane === 'main') found.push(flight);
    }
    return found;
  }

  /** Everything that has not started, or what of it is for one endpoint, taken out of the queues. */
  drainWaiting(endpointId?: string): ClaimedDelivery[] {
    const drained: ClaimedDelivery[] = [];
    for (const endpoint of this.#busy) {
      if (endpointId !== undefined && endpoint.id !== endpointId) continue;
      for (const { delivery } of endpoint.waiting.slice()) {
        this.#dequeue(endpoint);
        drained.push(delivery);
      }
    }
    return drained;
  }

  /** Forgets partners and endpoints that have been quiet for longer than any rate looks back. */
  forgetQuiet(now: number): void {
    for (const [id, endpoint] of this.#endpoints) {
      if (isIdle(endpoint) && endpoint.rate.isQuiet(now)) this.#endpoints.delete(id);
    }
    for (const [id, { inFlight, waiting, rate }] of this.#partners) {
      if (inFlight + waiting === 0 && rate.isQuiet(now)) this.#partners.delete(id);
    }
  }

  get #slowLimit(): number {
    return Math.max(1, Math.floor(this.#limits.inFlightTotal / SLOW_LANE_SHARE));
  }

  get #slotsTaken(): number {
    return this.#inFlight.size - Math.max(0, this.#slowInFlight - this.#slowLimit);
  }

  #hasSlot(delivery: ClaimedDelivery, endpoint: EndpointTraffic): boolean {
    const { inFlightTotal } = this.#limits;
    if (this.#slotsTaken >= inFlightTotal) return false;
    if (this.#inFlight.size >= inFlightTotal * MOST_IN_FLIGHT) return false;
    if (this.#partner(delivery.partnerId).inFlight >= this.#limits.inFlightPerPartner) return false;
    if (endpoint.inFlight >= endpoint.window) return false;
    if (endpoint.lane === 'main') return true;
    return endpoint.inFlight < SLOW_PER_ENDPOINT && this.#slowInFlight < this.#slowLimit;
  }

  #ratePause(delivery: ClaimedDelivery, endpoint: EndpointTraffic, now: number): number {
    const partner = this.#partner(delivery.partnerId);
    partner.rate = this.#atRate(partner.rate, this.#limits.ratePerPartner);
    endpoint.rate = this.#atRate(endpoint.rate, delivery.rateLimitPerSecond);
    return Math.max(partner.rate.waitMs(now), endpoint.rate.waitMs(now));
  }

  #atRate(rate: SlidingRate, perSecond: number): SlidingRate {
    const share = perSecond * this.#rateShare;
    return rate.perSecond === share ? rate : new SlidingRate(share, rate);
  }

  #begin(delivery: ClaimedDelivery, endpoint: EndpointTraffic, now: number): InFlight {
    const partner = this.#partner(delivery.partnerId);
    partner.inFlight += 1;
    partner.rate.take(now);
    endpoint.inFlight += 1;
    endpoint.rate.take(now);
    const flight: InFlight = { delivery, startedAt: now, lane: endpoint.lane };
    if (endpoint.lane === 'slow') this.#slowInFlight += 1;
    this.#inFlight.add(flight);
    return flight;
  }

  #end(flight: InFlight): EndpointTraffic {
    const { delivery } = flight;
    this.#inFlight.delete(flight);
    if (flight.lane === 'slow') this.#slowInFlight -= 1;
    this.#partner(delivery.partnerId).inFlight -= 1;
    const endpoint = this.#endpoint(delivery);
    endpoint.inFlight -= 1;
    return endpoint;
  }

  #dequeue(endpoint: EndpointTraffic): void {
    const taken = endpoint.waiting.shift();
    if (taken === undefined) return;
    if (endpoint.waiting.length === 0) this.#busy.delete(endpoint);
    this.#waiting -= 1;
    this.#partner(taken.delivery.partnerId).waiting -= 1;
  }

  /** That an endpoint may have waiting: a second of its rate, or all that may be in flight. */
  #enoughFor({ rate }: EndpointTraffic): number {
    return Math.max(1, Math.min(this.#limits.inFlightPerPartner, rate.perSecond));
  }

  #partner(partnerId: string): PartnerTraffic {
    const known = this.#partners.get(partnerId);
    if (known !== undefined) return known;
    const rate = new SlidingRate(this.#limits.ratePerPartner * this.#rateShare);
    const partner: PartnerTraffic = { inFlight: 0, waiting: 0, rate };
    this.#partners.set(partnerId, partner);
    return partner;
  }

  #endpoint(delivery: ClaimedDelivery): EndpointTraffic {
    const known = this.#endpoints.get(delivery.endpointId);
    if (known !== undefined) {
      // Another dispatcher may have moved it; with nothing of ours under way, the row knows better.
      if (isIdle(known)) known.lane = delivery.lane;
      return known;
    }
    const endpoint = createEndpointTraffic(delivery, this.#rateShare);
    this.#endpoints.set(delivery.endpointId, endpoint);
    return endpoint;
  }
}
