import type { EventEnvelope } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';
import { createWebhookReceiver, waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import t from 'tap';
import { admin, createEndpoint, createPlatform, eventFor, insertPartner, publishEvent } from './harness.ts';

const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString();

/** An event that was committed so long ago and is still in the outbox. */
async function keepInOutbox(db: Database, event: EventEnvelope, hours: number): Promise<void> {
  await db.query(
    `INSERT INTO outbox_events (id, type, subject, actor, data, occurred_at, created_at, sent_at)
     VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $6::timestamptz, now())`,
    [event.id, event.type, { ...event.subject }, { ...event.actor }, { ...event.data }, hoursAgo(hours)],
  );
}

async function setUp(t: TestScope) {
  const platform = await createPlatform(t);
  const { db, dispatcher } = platform;
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  const { id } = await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  const replay = (body: object, headers: Record<string, string> = {}, caller = admin) =>
    dispatcher.call({ ...caller, headers }, 'POST', `/webhooks/endpoints/${id}/replay`, body);
  return { ...platform, receiver, partnerId, id, replay };
}

const idsOf = (requests: readonly { headers: NodeJS.Dict<string | string[]> }[]) =>
  requests.map(({ headers }) => String(headers['webhook-id'])).toSorted();

t.test('events from before an endpoint existed are counted, then delivered to it', async (t) => {
  const { db, messaging, dispatcher, receiver, partnerId, id, replay } = await setUp(t);
  const aboutAnother = eventFor(partnerId, 'webhook_endpoint.circuit_opened');
  const aboutIt = eventFor(partnerId, 'webhook_endpoint.circuit_opened');
  await keepInOutbox(db, { ...aboutIt, data: { ...aboutIt.data, endpointId: id } } as EventEnvelope, 5);
  const mine = [eventFor(partnerId), eventFor(partnerId, 'commission.paid'), aboutAnother];
  const tooOld = eventFor(partnerId);
  const foreign = eventFor(await insertPartner(db));
  for (const event of [...mine, foreign]) await keepInOutbox(db, event, 5);
  await keepInOutbox(db, tooOld, 7);
  await dispatcher.work(messaging);

  const range = { from: hoursAgo(6), to: hoursAgo(1) };
  t.strictSame((await replay({ ...range, dryRun: true })).body.data, {
    matched: 3,
    queued: 0,
    nextCursor: null,
  });
  t.equal((await db.query('SELECT FROM webhook_deliveries')).length, 0, 'a count queues nothing');
  const paidOnly = await replay({ ...range, eventTypes: ['commission.paid'], dryRun: true });
  t.equal(paidOnly.body.data.matched, 1);

  t.strictSame((await replay(range)).body.data, { matched: 3, queued: 3, nextCursor: null });
  t.strictSame(idsOf(await receiver.received(3)), mine.map(({ id }) => id).toSorted());
  t.match(JSON.parse(receiver.requests[0]?.body ?? '').data, { partnerId });
  t.notMatch(receiver.requests[0]?.body, 'Ada Admin');
});

t.test('what was delivered is delivered again under the same id, and its history stays', async (t) => {
  const { db, messaging, dispatcher, receiver, partnerId, replay } = await setUp(t);
  await dispatcher.work(messaging);
  const event = eventFor(partnerId);
  await publishEvent(messaging, event);
  await waitFor(async () => {
    const [row] = await db.query<{ status: string }>('SELECT status FROM webhook_deliveries');
    return row?.status === 'delivered';
  });
  // The outbox no longer has it: four days later its delivery is the only source.
  await db.query(`UPDATE webhook_deliveries SET created_at = $1::timestamptz`, [hoursAgo(96)]);
  const answer = await replay({ from: hoursAgo(100) });
  t.strictSame(answer.body.data, { matched: 1, queued: 1, nextCursor: null });
  t.strictSame(idsOf(await receiver.received(2)), [event.id, event.id]);
  const detail = await waitFor(async () => {
    const listed = await dispatcher.call(admin, 'GET', `/webhooks/deliveries?dateFrom=${hoursAgo(100)}`);
    const found = await dispatcher.call(admin, 'GET', `/webhooks/deliveries/${listed.body.data[0].id}`);
    return found.body.data.attempts === 2 && found.body.data;
  });
  t.strictSame(
    detail.attemptHistory.map(({ attempt }: { attempt: number }) => attempt),
    [2, 1],
  );
});

t.test('a range larger than one call goes on at its cursor, and nothing is missed', async (t) => {
  const { db, partnerId, replay } = await setUp(t);
  await db.query(
    `INSERT INTO outbox_events (id, type, subject, actor, data, occurred_at, created_at, sent_at)
     SELECT uuidv7(), 'commission.adjusted', '{}', '{}', $1, now(), now() - interval '2 hours', now()
     FROM generate_series(1, 4500)`,
    [{ ...eventFor(partnerId).data }],
  );
  const range = { from: hoursAgo(3), to: hoursAgo(1) };
  t.equal((await replay({ ...range, dryRun: true })).body.data.matched, 4_500);
  const queued: number[] = [];
  let cursor: string | null = null;
  do {
    const answer = await replay({ ...range, ...(cursor === null ? {} : { cursor }) });
    t.equal(answer.status, 200);
    queued.push(answer.body.data.queued);
    cursor = answer.body.data.nextCursor;
  } while (cursor !== null);
  t.strictSame(queued, [2_000, 2_000, 500]);
  const again = await replay(range);
  t.match(again.body.data, { matched: 2_000, queued: 0 }, 'what waits already is not queued twice');
});

t.test('an Idempotency-Key replays the answer, and the audit trail names the replay once', async (t) => {
  const { db, partnerId, id, replay } = await setUp(t);
  await keepInOutbox(db, eventFor(partnerId), 2);
  const caller = { id: '01970000-0000-7000-8000-000000000001' };
  const range = { from: hoursAgo(3), to: hoursAgo(1) };
  const key = { 'idempotency-key': 'replay-1' };
  const first = await replay(range, key, caller);
  const second = await replay(range, key, caller);
  t.equal(first.status, 200);
  t.strictSame(second.body, first.body);
  t.equal(second.headers['idempotency-replayed'], 'true');
  const audit = await db.query(`SELECT action FROM audit_logs WHERE entity_id = $1 AND action = 'replayed'`, [
    id,
  ]);
  t.equal(audit.length, 1);
});

t.test('a range that makes no sense, a disabled and a foreign endpoint are refused', async (t) => {
  const { db, dispatcher, id, replay } = await setUp(t);
  t.equal((await replay({ from: hoursAgo(1), to: hoursAgo(2) })).status, 400);
  t.equal((await replay({ from: hoursAgo(1), cursor: 'nonsense' })).status, 400);
  t.equal((await replay({ from: hoursAgo(1), eventTypes: [] })).status, 400);
  const stranger = { partnerId: await insertPartner(db) };
  t.equal((await replay({ from: hoursAgo(1) }, {}, stranger)).status, 404);
  await dispatcher.call(admin, 'PATCH', `/webhooks/endpoints/${id}`, { status: 'disabled' });
  t.equal((await replay({ from: hoursAgo(1) })).body.code, 'WEBHOOK_ENDPOINT_DISABLED');
});
