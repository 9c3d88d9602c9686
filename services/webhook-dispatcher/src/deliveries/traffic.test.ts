import { newId } from '@tributary/runtime';
import t from 'tap';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import { Traffic } from './traffic.ts';

const limits = { inFlightPerPartner: 10, inFlightTotal: 40, ratePerPartner: 1_000 };

function delivery(over: Partial<ClaimedDelivery> = {}): ClaimedDelivery {
  return {
    programId: 'default',
    id: newId(),
    endpointId: 'endpoint',
    partnerId: 'partner',
    eventId: newId(),
    eventType: 'commission.paid',
    body: '{}',
    attempts: 0,
    roundStart: 0,
    claimToken: '1',
    occurredAt: new Date(),
    url: 'https://partner.example/',
    secretCiphertext: '',
    previousSecrets: [],
    rateLimitPerSecond: 1_000,
    retryDelaysSeconds: null,
    lane: 'main',
    circuitState: 'closed',
    consecutiveFailures: 0,
    ...over,
  };
}

function fill(traffic: Traffic, count: number, over: Partial<ClaimedDelivery> = {}): void {
  for (let i = 0; i < count; i += 1) traffic.add({ delivery: delivery(over), startBefore: 1e9 });
}

t.test('an endpoint begins with one at a time and doubles with each success, up to ten', async (t) => {
  const traffic = new Traffic(limits);
  fill(traffic, 100);
  const rounds: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    const { start } = traffic.takeStartable(round);
    rounds.push(start.length);
    for (const flight of start) traffic.finish(flight, true, true);
  }
  t.strictSame(rounds, [1, 2, 8, 10, 10, 10]);
});

t.test(
  'a failing endpoint falls back to one at a time, and after three failures into the slow lane',
  async (t) => {
    const traffic = new Traffic(limits);
    fill(traffic, 20);
    for (const ok of [true, true]) {
      for (const flight of traffic.takeStartable(0).start) traffic.finish(flight, ok, true);
    }
    const lanes = traffic.takeStartable(0).start.map((flight) => traffic.finish(flight, false, true));
    t.strictSame(lanes.slice(0, 3), ['main', 'main', 'slow']);
    const { start, overdue } = traffic.takeStartable(0);
    t.equal(start.length, 0);
    t.ok(overdue.length > 0, 'what waited for the main lane is given back');
  },
);

t.test('an endpoint in the slow lane comes back after five fast successes', async (t) => {
  const traffic = new Traffic(limits);
  const lanes: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    fill(traffic, 1, { lane: lanes.at(-1) === 'main' ? 'main' : 'slow' });
    for (const flight of traffic.takeStartable(0).start) lanes.push(traffic.finish(flight, true, true));
  }
  t.strictSame(lanes, ['slow', 'slow', 'slow', 'slow', 'main']);
});

t.test('a partner has at most ten in flight over all of its endpoints', async (t) => {
  const traffic = new Traffic(limits);
  for (let endpoint = 0; endpoint < 20; endpoint += 1)
    fill(traffic, 1, { endpointId: `endpoint ${endpoint}` });
  t.equal(traffic.takeStartable(0).start.length, 10);
  t.equal(traffic.freeFor('partner'), 0);
  t.equal(traffic.freeFor('another'), 20);
});

t.test('all partners together stay within the total', async (t) => {
  const traffic = new Traffic(limits);
  for (let i = 0; i < 60; i += 1) fill(traffic, 1, { endpointId: `e${i}`, partnerId: `p${i}` });
  t.equal(traffic.takeStartable(0).start.length, 40);
  t.equal(traffic.free('main'), 20, 'as many again may wait');
});

t.test('slow endpoints get a quarter of the slots, and leave the rest to the others', async (t) => {
  const traffic = new Traffic(limits);
  for (let i = 0; i < 30; i += 1)
    fill(traffic, 1, { endpointId: `slow${i}`, partnerId: `s${i}`, lane: 'slow' });
  t.equal(traffic.takeStartable(0).start.length, 10);
  fill(traffic, 1, { endpointId: 'fast', partnerId: 'fast' });
  t.equal(traffic.takeStartable(0).start[0]?.delivery.partnerId, 'fast');
});

t.test('what stays too long in the main lane is found and moved over', async (t) => {
  const traffic = new Traffic(limits);
  fill(traffic, 1);
  const [flight] = traffic.takeStartable(100).start;
  t.strictSame(traffic.overstaying(99), []);
  t.strictSame(traffic.overstaying(100), [flight]);
  if (flight !== undefined) traffic.moveToSlowLane(flight);
  t.strictSame(traffic.overstaying(100), []);
  t.equal(flight?.lane, 'slow');
});

t.test('the rates of partner and endpoint hold, each dispatcher keeping to its share', async (t) => {
  const traffic = new Traffic({ ...limits, ratePerPartner: 8 });
  traffic.rateShare = 0.5;
  for (let i = 0; i < 8; i += 1) fill(traffic, 1, { endpointId: `e${i}` });
  const { start, waitMs } = traffic.takeStartable(1_000);
  t.equal(start.length, 4);
  t.equal(waitMs, 1_000);
  t.equal(traffic.takeStartable(2_000).start.length, 4);
});

t.test('a delivery whose claim would end during the attempt is given back unsent', async (t) => {
  const traffic = new Traffic(limits);
  traffic.add({ delivery: delivery(), startBefore: 50 });
  const { start, overdue } = traffic.takeStartable(51);
  t.equal(start.length, 0);
  t.equal(overdue.length, 1);
  t.equal(traffic.waiting, 0);
});

t.test('a new delivery finds room as far as its partner, its endpoint and the whole have some', async (t) => {
  const traffic = new Traffic(limits);
  const other = { endpointId: 'other' };
  t.ok(traffic.hasRoomFor(delivery()));
  t.notOk(traffic.hasRoomFor(delivery({ lane: 'slow' })));
  t.notOk(traffic.hasRoomFor(delivery({ circuitState: 'half_open' })));
  fill(traffic, 10);
  t.notOk(traffic.hasRoomFor(delivery()), 'the endpoint has enough waiting');
  t.ok(traffic.hasRoomFor(delivery(other)));
  fill(traffic, 10, other);
  t.notOk(traffic.hasRoomFor(delivery({ endpointId: 'third' })), 'the partner has');
  t.ok(traffic.hasRoomFor(delivery({ endpointId: 'e', partnerId: 'p' })));
  for (let i = 0; i < 60; i += 1) fill(traffic, 1, { endpointId: `e${i}`, partnerId: `p${i}` });
  t.notOk(traffic.hasRoomFor(delivery({ endpointId: 'e', partnerId: 'p' })), 'all have');
});

t.test('a new delivery does not wait at an endpoint that has left the main lane here', async (t) => {
  const traffic = new Traffic(limits);
  fill(traffic, 1);
  const [flight] = traffic.takeStartable(0).start;
  if (flight !== undefined) traffic.moveToSlowLane(flight);
  t.notOk(traffic.hasRoomFor(delivery()));
});

t.test('what is quiet is forgotten', async (t) => {
  const traffic = new Traffic(limits);
  fill(traffic, 1);
  for (const flight of traffic.takeStartable(0).start) traffic.finish(flight, true, true);
  traffic.forgetQuiet(500);
  t.equal(traffic.partnerCapacity().size, 1, 'the last second still counts');
  traffic.forgetQuiet(2_000);
  t.equal(traffic.partnerCapacity().size, 0);
});

t.test(
  'receivers that turn slow all at once hold no slot beyond a quarter, and so keep nobody out',
  async (t) => {
    const traffic = new Traffic(limits);
    const slowTo = (n: number) => ({ endpointId: `slow-${n}`, partnerId: `slow-partner-${n}` });
    for (let n = 0; n < 50; n += 1) fill(traffic, 1, slowTo(n));
    const { start } = traffic.takeStartable(0);
    t.equal(start.length, 40, 'all slots are taken');
    fill(traffic, 1, { endpointId: 'healthy', partnerId: 'healthy-partner' });
    t.equal(traffic.takeStartable(1).start.length, 0);
    for (const flight of traffic.overstaying(500)) traffic.moveToSlowLane(flight);
    const next = traffic.takeStartable(600).start.map(({ delivery: { endpointId } }) => endpointId);
    t.ok(next.includes('healthy'));
    t.equal(traffic.free('slow'), 0, 'and the slow lane itself takes no more');
  },
);
