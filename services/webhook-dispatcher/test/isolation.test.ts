import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findWriterFaults } from '@tributary/event-catalog';
import { createWebhookReceiver, waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import t from 'tap';
import { admin, createEndpoint, createPlatform, eventFor, insertPartner, publishEvent } from './harness.ts';
import type { Dispatcher } from './harness.ts';

/** Answers 200 at once and then one byte a second, for ever. */
async function createDrippingReceiver(t: TestScope): Promise<{ url: string; readonly open: number }> {
  let open = 0;
  const server = createServer((_request, response) => {
    open += 1;
    response.writeHead(200);
    const drip = setInterval(() => response.write('.'), 1_000);
    response.once('close', () => {
      open -= 1;
      clearInterval(drip);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    get open() {
      return open;
    },
  };
}

const endpointOf = async (dispatcher: Dispatcher, id: string) =>
  (await dispatcher.call(admin, 'GET', `/webhooks/endpoints/${id}`)).body.data;

/** Deliveries that were not even tried since the circuit was open, as the metric says. */
async function heldCount(dispatcher: Dispatcher): Promise<number> {
  const held = /webhooks_delivered_total\{[^}]*outcome="held"[^}]*\} (\d+)/;
  return Number(held.exec(await dispatcher.metricsText())?.[1] ?? 0);
}

t.test('300 receivers that drip bytes do not hold up a healthy one', async (t) => {
  // Longer than a busy machine takes to open 300 connections.
  const { db, messaging, dispatcher } = await createPlatform(t, { deadlineMs: 20_000 });
  const dripping = await createDrippingReceiver(t);
  const healthy = await createWebhookReceiver(t);
  const slow: string[] = [];
  for (let i = 0; i < 300; i += 1) {
    const partnerId = await insertPartner(db);
    await createEndpoint(dispatcher, { partnerId, url: dripping.url, retryDelaysSeconds: [] });
    slow.push(partnerId);
  }
  const partnerId = await insertPartner(db);
  await createEndpoint(dispatcher, { partnerId, url: healthy.url });
  await dispatcher.work(messaging);
  await Promise.all(slow.map((one) => publishEvent(messaging, eventFor(one))));
  await waitFor(() => dripping.open >= 256, { timeoutMs: 18_000 });
  await publishEvent(messaging, eventFor(partnerId));
  // All slots are taken at first; what overstays half a second gives its slot up long before its deadline.
  await healthy.received(1);
  const timedOut = await db.query(`SELECT FROM webhook_deliveries WHERE last_error IS NOT NULL`);
  t.equal(timedOut.length, 0, 'it did not have to wait for the first ones to run into their deadline');
  await waitFor(
    async () => {
      const [row] = await db.query<{ slow: number }>(
        `SELECT count(*)::int AS slow FROM webhook_endpoints WHERE lane = 'slow'`,
      );
      return row !== undefined && row.slow >= 256;
    },
    { timeoutMs: 60_000 },
  );
  const [row] = await db.query<{ error: string }>(
    `SELECT last_error AS error FROM webhook_deliveries WHERE last_error IS NOT NULL LIMIT 1`,
  );
  t.equal(row?.error, 'timeout');
});

t.test('repeated failures open the circuit, a probe closes it, and what waited is delivered', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t, {
    breaker: { threshold: 3, minPauseMs: 300, maxPauseMs: 300 },
  });
  const receiver = await createWebhookReceiver(t);
  receiver.answerWith({ hangUp: true });
  const partnerId = await insertPartner(db);
  const { id } = await createEndpoint(dispatcher, {
    partnerId,
    url: receiver.url,
    retryDelaysSeconds: Array.from({ length: 10 }, () => 1),
  });
  await dispatcher.work(messaging);
  for (let i = 0; i < 10; i += 1) await publishEvent(messaging, eventFor(partnerId));
  const open = await waitFor(async () => {
    const endpoint = await endpointOf(dispatcher, id);
    return endpoint.circuitState === 'open' && endpoint;
  });
  t.ok(open.consecutiveFailures >= 3);
  t.not(open.failingSince, null);
  await waitFor(async () => /webhook_endpoints_open_circuit\{[^}]*\} 1/.test(await dispatcher.metricsText()));
  // Once each of them has its row, none of them can be counted as held any more.
  await waitFor(async () => (await db.query('SELECT FROM webhook_deliveries')).length === 10);
  const heldBefore = await heldCount(dispatcher);
  await publishEvent(messaging, eventFor(partnerId));
  await waitFor(async () => (await heldCount(dispatcher)) > heldBefore, { what: 'an event to be held' });
  receiver.answerWith({ status: 200 });
  await waitFor(async () => {
    const { body } = await dispatcher.call(admin, 'GET', '/webhooks/deliveries?status=delivered');
    return body.meta.total === 11;
  });
  await waitFor(async () => (await endpointOf(dispatcher, id)).circuitState === 'closed');
  t.match(await endpointOf(dispatcher, id), {
    consecutiveFailures: 0,
    failingSince: null,
    circuitOpenUntil: null,
  });
});

t.test(
  "after three days of nothing but failures an endpoint is switched off, and the partner's others hear of it",
  async (t) => {
    const { db, messaging, dispatcher } = await createPlatform(t, {
      breaker: { threshold: 2, minPauseMs: 50, maxPauseMs: 50 },
    });
    const receiver = await createWebhookReceiver(t);
    const dead = await createWebhookReceiver(t);
    dead.answerWith({ status: 500 });
    const partnerId = await insertPartner(db);
    const { id } = await createEndpoint(dispatcher, { partnerId, url: dead.url });
    await createEndpoint(dispatcher, {
      partnerId,
      url: receiver.url,
      eventTypes: ['webhook_endpoint.auto_disabled'],
    });
    await db.query(
      `UPDATE webhook_endpoints SET consecutive_failures = 5, failing_since = now() - interval '73 hours' WHERE id = $1`,
      [id],
    );
    await dispatcher.work(messaging);
    await publishEvent(messaging, eventFor(partnerId));
    const event = await waitFor(() =>
      dispatcher.published.find(({ type }) => type === 'webhook_endpoint.auto_disabled'),
    );
    t.strictSame(findWriterFaults(event), []);
    t.match(await endpointOf(dispatcher, id), { status: 'auto_disabled', disabledReason: /3 days/ });
    const { createdAt: _, ...envelope } = event;
    await publishEvent(messaging, envelope);
    const [request] = await receiver.received(1);
    t.match(JSON.parse(request?.body ?? ''), {
      type: 'webhook_endpoint.auto_disabled',
      data: { endpointId: id },
    });
  },
);

t.test("a partner's rate holds", async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t, { ratePerPartner: 20 });
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  for (const path of ['a', 'b'])
    await createEndpoint(dispatcher, { partnerId, url: `${receiver.url}/${path}` });
  await dispatcher.work(messaging);
  await Promise.all(Array.from({ length: 25 }, () => publishEvent(messaging, eventFor(partnerId))));
  await receiver.received(50, 30_000);
  // When they were sent: what the way to the receiver takes is no matter of the rate.
  const starts = await waitFor(async () => {
    const rows = await db.query<{ startedAt: Date }>(
      `SELECT last_attempt_at AS started_at FROM webhook_deliveries WHERE status = 'delivered' ORDER BY 1`,
    );
    return rows.length === 50 && rows.map(({ startedAt }) => startedAt.getTime());
  });
  // Noted a moment after it was let pass; 21 within 900 ms could not come from a rate of 20.
  const busiest = Math.max(
    ...starts.map((from) => starts.filter((at) => at >= from && at < from + 900).length),
  );
  t.ok(busiest <= 20, `${busiest} within 900 ms`);
});

t.test('an attempt that takes its time has a row before its end, and its event is sent once', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t, { deadlineMs: 15_000 });
  const receiver = await createWebhookReceiver(t);
  // Longer than a busy machine takes for what is looked at meanwhile.
  receiver.answerWith({ delayMs: 4_000 });
  const partnerId = await insertPartner(db);
  await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  await dispatcher.work(messaging);
  const event = eventFor(partnerId);
  await publishEvent(messaging, event);
  await receiver.received(1);
  await publishEvent(messaging, event);
  const under = await waitFor(async () => {
    const [row] = await db.query<{ status: string; isClaimed: boolean }>(
      'SELECT status, claimed_until > now() AS is_claimed FROM webhook_deliveries',
    );
    return row;
  });
  t.strictSame({ ...under }, { status: 'pending', isClaimed: true });
  await publishEvent(messaging, event);
  await waitFor(
    async () => {
      const [row] = await db.query<{ status: string }>('SELECT status FROM webhook_deliveries');
      return row?.status === 'delivered';
    },
    { timeoutMs: 30_000 },
  );
  t.equal(
    receiver.requests.length,
    1,
    'neither what came again meanwhile nor what came after the row was sent',
  );
  const [row] = await db.query<{ count: number }>('SELECT count(*)::int FROM webhook_deliveries');
  t.equal(row?.count, 1);
});

t.test('the backlog and its age are measured, without what is switched off', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const partnerId = await insertPartner(db);
  const insertPending = async (ageSeconds: number, status: string): Promise<void> => {
    const { id } = await createEndpoint(dispatcher, { partnerId, url: 'http://127.0.0.1:9/' });
    // Held back by an open circuit, so that nobody claims what is pending.
    await db.query(
      `UPDATE webhook_endpoints SET status = $2, circuit_state = 'open', circuit_open_until = now() + interval '1 hour'
       WHERE id = $1`,
      [id, status],
    );
    await db.query(
      `INSERT INTO webhook_deliveries (id, endpoint_id, partner_id, event_id, event_type, body, occurred_at, next_attempt_at)
       SELECT uuidv7(), $1, $2, uuidv7(), 'commission.paid', '{}', now(), now() - $3::float8 * interval '1 second'
       FROM generate_series(1, 3)`,
      [id, partnerId, ageSeconds],
    );
  };
  await insertPending(120, 'enabled');
  await insertPending(9_000, 'disabled');
  await dispatcher.work(messaging);
  const text = await waitFor(async () => {
    const exposed = await dispatcher.metricsText();
    return /webhook_backlog\{[^}]*\} 3/.test(exposed) && exposed;
  });
  const age = Number(/webhook_backlog_age_seconds\{[^}]*\} ([\d.]+)/.exec(text)?.[1]);
  t.ok(age >= 120 && age < 9_000, String(age));
  t.match(text, /webhook_endpoints_open_circuit\{[^}]*\} 1/);
});
