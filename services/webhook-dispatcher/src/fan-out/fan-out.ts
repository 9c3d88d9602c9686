import { setTimeout as pause } from 'node:timers/promises';
import { eventCatalog } from '@tributary/event-catalog';
import type { EventEnvelope } from '@tributary/event-catalog';
import { UnprocessableEventError } from '@tributary/messaging';
import type { Database } from '@tributary/schema';
import type { DeliveryLoop } from '../deliveries/delivery-loop.ts';
import type { Traffic } from '../deliveries/traffic.ts';
import { insertDeliveries } from './insert-deliveries.ts';
import type { OutgoingEvent } from './insert-deliveries.ts';
import { MAX_BODY_BYTES, webhookBody } from './webhook-body.ts';

export interface FanOutDeps {
  readonly db: Database;
  readonly traffic: Traffic;
  readonly loop: Pick<DeliveryLoop, 'accept' | 'claimEnds' | 'wake'>;
}

/** Endpoints of one partner that subscribe to the same event are few; more than this wait for the poll. */
const ENDPOINTS_PER_EVENT = 3;
const MOST_PATIENCE_MS = 100;
const ROOM_POLL_MS = 2;

/** Turns events into deliveries, and hands those that there is room for straight to the delivery loop. */
export async function fanOut(deps: FanOutDeps, events: readonly EventEnvelope[]): Promise<void> {
  const { db, traffic, loop } = deps;
  const outgoing = events.filter(({ type }) => eventCatalog[type].partnerVisible).map(outgoingEvent);
  if (outgoing.length === 0) return;
  await waitForRoom(traffic, outgoing.length);
  const capacity = reserveRoom(traffic, outgoing);
  const claimEnds = loop.claimEnds();
  const heldEndpoints = traffic.heldEndpoints();
  try {
    const { claimed, inserted } = await insertDeliveries(db, {
      events: outgoing,
      capacity,
      heldEndpoints,
      rateShare: traffic.rateShare,
    });
    release();
    loop.accept(claimed, claimEnds);
    if (claimed.length < inserted) loop.wake();
  } catch (error) {
    release();
    throw error;
  }

  function release(): void {
    for (const [partnerId, granted] of capacity) traffic.unreserve(partnerId, granted);
  }
}

/** Room for one delivery of each event first; for further endpoints of the same partner from what is left. */
function reserveRoom(traffic: Traffic, outgoing: readonly OutgoingEvent[]): Map<string, number> {
  const byPartner = Map.groupBy(outgoing, ({ partnerId }) => partnerId);
  const capacity = new Map<string, number>();
  for (const times of [1, ENDPOINTS_PER_EVENT - 1]) {
    for (const [partnerId, own] of byPartner) {
      const granted = traffic.reserve(partnerId, own.length * times);
      capacity.set(partnerId, (capacity.get(partnerId) ?? 0) + granted);
    }
  }
  return capacity;
}

/**
 * Rows that find no room cost a second write, by the claim that fetches them later; so with every slot in use a batch
 * waits a little in JetStream rather than in the table. Not for long: the one who takes the room may be slow.
 */
async function waitForRoom(traffic: Traffic, wanted: number): Promise<void> {
  const until = performance.now() + MOST_PATIENCE_MS;
  while (traffic.free('main') < wanted && performance.now() < until) await pause(ROOM_POLL_MS);
}

function outgoingEvent(event: EventEnvelope): OutgoingEvent {
  const body = webhookBody(event);
  if (Buffer.byteLength(body) >= MAX_BODY_BYTES) {
    throw new UnprocessableEventError(`its webhook would have ${Buffer.byteLength(body)} bytes`);
  }
  return {
    programId: event.programId,
    partnerId: partnerOf(event),
    eventId: event.id,
    eventType: event.type,
    body,
    occurredAt: event.occurredAt,
  };
}

/** Whose event it is: what decides who may see it, so an event that does not say goes to nobody. */
function partnerOf(event: EventEnvelope): string {
  const partnerId: unknown = 'partnerId' in event.data ? event.data.partnerId : undefined;
  if (typeof partnerId === 'string') return partnerId;
  throw new UnprocessableEventError('it names no partner');
}
