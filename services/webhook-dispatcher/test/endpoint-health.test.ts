import { findWriterFaults } from '@tributary/event-catalog';
import { newId, systemClock } from '@tributary/runtime';
import { createTestDatabase, createWebhookReceiver, waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import t from 'tap';
import type { AttemptResult } from '../src/deliveries/http-attempt.ts';
import { DEFAULT_BREAKER, observeHealth, recordHealth } from '../src/deliveries/endpoint-health.ts';
import type { AttemptRecord } from '../src/deliveries/record-attempts.ts';
import { disableEndpoints } from '../src/endpoints/auto-disable.ts';
import {
  admin,
  createDispatcher,
  createEndpoint,
  createPlatform,
  eventFor,
  insertPartner,
  publishEvent,
} from './harness.ts';

const BEFORE = 'https://before.example/';
const AFTER = 'https://after.example/';
const breaker = { ...DEFAULT_BREAKER, threshold: 2 };

/** An endpoint that has been moved, and attempts at it. */
async function createMovedEndpoint(t: TestScope) {
  const { db } = await createTestDatabase(t);
  const dispatcher = await createDispatcher(t, db);
  const partnerId = await insertPartner(db);
  const { id } = await createEndpoint(dispatcher, { partnerId, url: BEFORE });
  await dispatcher.call(admin, 'PATCH', `/webhooks/endpoints/${id}`, { url: AFTER });
  const attemptAt = (url: string, statusCode: number): AttemptRecord => ({
    delivery: {
      programId: 'default',
      id: newId(),
      endpointId: id,
      partnerId,
      eventId: newId(),
      eventType: 'commission.paid',
      body: '{}',
      attempts: 0,
      roundStart: 0,
      claimToken: '1',
      occurredAt: new Date(),
      url,
      secretCiphertext: '',
      previousSecrets: [],
      rateLimitPerSecond: 100,
      retryDelaysSeconds: null,
      lane: 'main',
      circuitState: 'closed',
      consecutiveFailures: 0,
    },
    attemptedAt: new Date(),
    result: resultOf(statusCode),
    verdict: { status: 'failed' },
  });
  return {
    conclude: (records: readonly AttemptRecord[]) =>
      recordHealth(
        db,
        observeHealth(records, () => 'main'),
        breaker,
      ),
    db,
    disable: (verdicts: Parameters<typeof disableEndpoints>[1]) =>
      disableEndpoints({ db, clock: systemClock, publish: () => undefined }, verdicts),
    attemptAt,
    verdictAt: (url: string) => ({ programId: 'default', endpointId: id, url, reason: 'gone' as const }),
    endpoint: async () => (await dispatcher.call(admin, 'GET', `/webhooks/endpoints/${id}`)).body.data,
  };
}

const resultOf = (statusCode: number): AttemptResult => ({
  ok: statusCode === 200,
  statusCode,
  error: statusCode === 200 ? null : `http_${statusCode}`,
  responseExcerpt: null,
  durationMs: 5,
  retryAfterSeconds: undefined,
});

t.test('what an address answered is not held against the one that took its place', async (t) => {
  const { conclude, attemptAt, endpoint } = await createMovedEndpoint(t);
  const concluded = await conclude([500, 500, 410].map((status) => attemptAt(BEFORE, status)));
  t.strictSame(concluded, { verdicts: [], opened: [] });
  t.match(await endpoint(), { consecutiveFailures: 0, circuitState: 'closed', failingSince: null });
});

t.test('in one batch each address answers for itself', async (t) => {
  const { conclude, attemptAt, endpoint } = await createMovedEndpoint(t);
  const { verdicts } = await conclude([
    attemptAt(BEFORE, 410),
    attemptAt(AFTER, 500),
    attemptAt(BEFORE, 200),
  ]);
  t.strictSame(verdicts, [], 'the present one is not gone');
  t.match(await endpoint(), { consecutiveFailures: 1, circuitState: 'closed' });
});

t.test('an endpoint that has moved since the verdict is not switched off', async (t) => {
  const { conclude, disable, attemptAt, verdictAt, endpoint } = await createMovedEndpoint(t);
  await disable([verdictAt(BEFORE)]);
  t.match(await endpoint(), { status: 'enabled', disabledReason: null });
  const { verdicts } = await conclude([attemptAt(AFTER, 410)]);
  t.strictSame(verdicts, [verdictAt(AFTER)]);
  await disable(verdicts);
  t.match(await endpoint(), { status: 'auto_disabled', disabledReason: /410/ });
});

t.test('that a circuit opens is announced once, and again only after it was closed', async (t) => {
  const { conclude, attemptAt, endpoint, db } = await createMovedEndpoint(t);
  const openedBy = async (...statuses: number[]) =>
    (await conclude(statuses.map((status) => attemptAt(AFTER, status)))).opened;
  t.strictSame(await openedBy(500), [], 'below the threshold');
  const [event, ...more] = await openedBy(500, 500);
  t.strictSame(more, []);
  t.strictSame(findWriterFaults(event), []);
  const { id, partnerId, circuitOpenUntil, failingSince } = await endpoint();
  t.match(event, {
    type: 'webhook_endpoint.circuit_opened',
    actor: { kind: 'system' },
    subject: { endpointId: id, partnerId },
    data: {
      endpointId: id,
      status: 'enabled',
      reason: '3 failures in a row',
      circuitOpenUntil,
      failingSince,
    },
  });
  const outbox = () =>
    db.query(
      `SELECT id FROM outbox_events WHERE type = 'webhook_endpoint.circuit_opened' ORDER BY created_at`,
    );
  t.match(await outbox(), [{ id: event?.id }]);
  t.strictSame(await openedBy(500), [], 'it is open already');
  await db.query(`UPDATE webhook_endpoints SET circuit_state = 'half_open'`);
  t.strictSame(await openedBy(500), [], 'a probe that fails opens nothing that was closed');
  t.strictSame(await openedBy(500, 200), []);
  t.equal((await endpoint()).circuitState, 'closed');
  t.equal((await openedBy(500, 500)).length, 1);
  t.equal((await outbox()).length, 2);
});

t.test("an open circuit is told to the partner's other endpoints, not to the broken one", async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t, { breaker: { threshold: 2 } });
  const [broken, healthy] = [await createWebhookReceiver(t), await createWebhookReceiver(t)];
  broken.answerWith({ status: 500 });
  const partnerId = await insertPartner(db);
  const only = { eventTypes: ['webhook_endpoint.circuit_opened'] };
  const { id } = await createEndpoint(dispatcher, { partnerId, url: broken.url, retryDelaysSeconds: [] });
  await createEndpoint(dispatcher, { partnerId, url: healthy.url, ...only });
  await dispatcher.work(messaging);
  for (let sent = 0; sent < 2; sent += 1) await publishEvent(messaging, eventFor(partnerId));
  const event = await waitFor(() =>
    dispatcher.published.find(({ type }) => type === 'webhook_endpoint.circuit_opened'),
  );
  await publishEvent(messaging, event);
  const [request] = await healthy.received(1);
  t.match(JSON.parse(request?.body ?? ''), {
    type: 'webhook_endpoint.circuit_opened',
    data: { endpointId: id, partnerId, status: 'enabled', reason: '2 failures in a row' },
  });
  const rows = await waitFor(async () => {
    const found = await db.query('SELECT endpoint_id FROM webhook_deliveries WHERE event_id = $1', [
      event.id,
    ]);
    return found.length > 0 && found;
  });
  t.notMatch(rows, [{ endpointId: id }]);
  t.equal(rows.length, 1);
});
