import { findWriterFaults } from '@tributary/event-catalog';
import { createWebhookReceiver, waitFor } from '@tributary/testkit';
import type { ReceivedRequest } from '@tributary/testkit';
import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { admin, createEndpoint, createPlatform, eventFor, insertPartner, publishEvent } from './harness.ts';
import type { Dispatcher } from './harness.ts';

const verify = (secret: string, { body, headers }: ReceivedRequest) =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

/** The only delivery, once it has come to a status. */
async function settled(dispatcher: Dispatcher, status: string, attempts = 1) {
  return waitFor(
    async () => {
      const { body } = await dispatcher.call(admin, 'GET', `/webhooks/deliveries?status=${status}`);
      const found = body.data.find((delivery: { attempts: number }) => delivery.attempts >= attempts);
      return found === undefined
        ? undefined
        : (await dispatcher.call(admin, 'GET', `/webhooks/deliveries/${found.id}`)).body.data;
    },
    { what: `a ${status} delivery` },
  );
}

t.test('an event reaches the partner signed, without anything about who caused it', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  const { id: endpointId, secret } = await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  await dispatcher.work(messaging);
  const event = eventFor(partnerId);
  await publishEvent(messaging, event);
  const [request] = await receiver.received(1);
  t.ok(request);
  if (request === undefined) return;
  t.strictSame(verify(secret, request), {
    id: event.id,
    type: 'commission.adjusted',
    timestamp: event.occurredAt,
    data: event.data,
  });
  t.equal(request.headers['webhook-id'], event.id);
  t.equal(request.headers['content-type'], 'application/json');
  t.notOk(request.body.includes('Ada Admin'));
  t.throws(() => verify(secret, { ...request, body: request.body.replace('15', '16') }), 'tampered');
  const delivery = await settled(dispatcher, 'delivered');
  t.match(delivery, {
    endpointId,
    partnerId,
    eventId: event.id,
    attempts: 1,
    lastStatusCode: 200,
    lastError: null,
    nextAttemptAt: null,
  });
  t.match(delivery.attemptHistory, [{ attempt: 1, statusCode: 200 }]);
  const [rows] = await db.query<{ count: number }>('SELECT count(*)::int FROM webhook_attempts');
  t.equal(rows?.count, 0, 'a first success is kept in the delivery alone');
  const metrics = await dispatcher.metricsText();
  t.match(
    metrics,
    /webhooks_delivered_total\{event_type="commission.adjusted",outcome="delivered",[^}]*\} 1/,
  );
});

t.test(
  "each subscribed endpoint of the event's partner gets it once, however often it is redelivered",
  async (t) => {
    const { db, messaging, dispatcher } = await createPlatform(t);
    const [receiver, other] = [await createWebhookReceiver(t), await createWebhookReceiver(t)];
    const partnerId = await insertPartner(db);
    const url = receiver.url;
    await createEndpoint(dispatcher, { partnerId, url: `${url}/all` });
    await createEndpoint(dispatcher, {
      partnerId,
      url: `${url}/adjusted`,
      eventTypes: ['commission.adjusted'],
    });
    await createEndpoint(dispatcher, { partnerId, url: `${url}/paid`, eventTypes: ['commission.paid'] });
    const off = await createEndpoint(dispatcher, { partnerId, url: `${url}/off` });
    await dispatcher.call(admin, 'PATCH', `/webhooks/endpoints/${off.id}`, { status: 'disabled' });
    await createEndpoint(dispatcher, { partnerId: await insertPartner(db), url: other.url });
    await dispatcher.work(messaging);
    const events = Array.from({ length: 20 }, () => eventFor(partnerId));
    for (const event of [...events, ...events.toReversed(), ...events]) await publishEvent(messaging, event);
    const last = eventFor(partnerId, 'conversion.recorded');
    await publishEvent(messaging, last);
    await receiver.received(41);
    await waitFor(async () => {
      const [row] = await db.query<{ left: number }>(
        `SELECT count(*)::int AS left FROM webhook_deliveries WHERE status <> 'delivered'`,
      );
      return row?.left === 0;
    });
    const got = (path: string): string[] =>
      receiver.requests
        .filter((request) => request.path.endsWith(path))
        .map(({ headers }) => String(headers['webhook-id']));
    const ids = events.map(({ id }) => id).toSorted();
    t.strictSame(got('/adjusted').toSorted(), ids);
    t.strictSame(got('/all').toSorted(), [...ids, last.id].toSorted());
    t.strictSame([...got('/paid'), ...got('/off')], []);
    t.equal(other.requests.length, 0, 'another partner hears nothing');
  },
);

t.test('an endpoint gets no events from before it existed', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  await dispatcher.work(messaging);
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  await publishEvent(messaging, { ...eventFor(partnerId), occurredAt: hourAgo });
  const now = eventFor(partnerId);
  await publishEvent(messaging, now);
  await waitFor(() => receiver.requests.some(({ headers }) => headers['webhook-id'] === now.id));
  const rows = await waitFor(async () => {
    const found = await db.query('SELECT event_id FROM webhook_deliveries');
    return found.length > 0 && found;
  });
  t.strictSame([...rows], [{ eventId: now.id }]);
});

t.test(
  'a failed delivery is tried again by its schedule with the same id and body, and then fails',
  async (t) => {
    const { db, messaging, dispatcher } = await createPlatform(t);
    const receiver = await createWebhookReceiver(t);
    receiver.answerWith({ status: 500, body: 'x'.repeat(2_000) });
    const partnerId = await insertPartner(db);
    await createEndpoint(dispatcher, { partnerId, url: receiver.url, retryDelaysSeconds: [1, 1] });
    await dispatcher.work(messaging);
    await publishEvent(messaging, eventFor(partnerId));
    const delivery = await settled(dispatcher, 'failed', 3);
    t.match(delivery, {
      attempts: 3,
      lastStatusCode: 500,
      lastError: 'http_500',
      nextAttemptAt: null,
      deliveredAt: null,
    });
    t.strictSame(
      delivery.attemptHistory.map(({ attempt, statusCode, nextAttemptAt }: Record<string, unknown>) => [
        attempt,
        statusCode,
        nextAttemptAt !== null,
      ]),
      [
        [3, 500, false],
        [2, 500, true],
        [1, 500, true],
      ],
    );
    t.equal(delivery.attemptHistory[0].responseExcerpt.length, 1024, 'of the answer 1 KiB is kept');
    const { requests } = receiver;
    t.equal(new Set(requests.map(({ body, headers }) => `${String(headers['webhook-id'])} ${body}`)).size, 1);

    receiver.answerWith({ status: 200 });
    const retried = await dispatcher.call({ partnerId }, 'POST', `/webhooks/deliveries/${delivery.id}/retry`);
    t.match(retried.body.data, { status: 'pending', attempts: 3 });
    t.match(await settled(dispatcher, 'delivered', 4), { attempts: 4, lastStatusCode: 200 });

    await dispatcher.call(admin, 'POST', `/webhooks/deliveries/${delivery.id}/retry`);
    t.match(await settled(dispatcher, 'delivered', 5), { attempts: 5 }, 'a retry works after a success too');
  },
);

t.test('a retry after a first success keeps that success in the history', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  await dispatcher.work(messaging);
  await publishEvent(messaging, eventFor(partnerId));
  const first = await settled(dispatcher, 'delivered');
  receiver.answerWith({ status: 503, headers: { 'retry-after': '3600' } });
  await dispatcher.call(admin, 'POST', `/webhooks/deliveries/${first.id}/retry`);
  const second = await settled(dispatcher, 'pending', 2);
  t.strictSame(
    second.attemptHistory.map(({ attempt, statusCode }: Record<string, unknown>) => [attempt, statusCode]),
    [
      [2, 503],
      [1, 200],
    ],
  );
  const waitMs = Date.parse(second.nextAttemptAt) - Date.parse(second.lastAttemptAt);
  t.ok(waitMs > 3_590_000, 'retry-after is honoured');
});

t.test('410 switches the endpoint off, with a reason, an audit row and an event', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const receiver = await createWebhookReceiver(t);
  receiver.answerWith({ status: 410 });
  const partnerId = await insertPartner(db);
  const { id } = await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  await dispatcher.work(messaging);
  await publishEvent(messaging, eventFor(partnerId));
  const endpoint = await waitFor(async () => {
    const { body } = await dispatcher.call(admin, 'GET', `/webhooks/endpoints/${id}`);
    return body.data.status === 'auto_disabled' && body.data;
  });
  t.match(endpoint.disabledReason, /410/);
  const delivery = await settled(dispatcher, 'failed');
  t.equal(delivery.attempts, 1);
  const announced = await waitFor(() =>
    dispatcher.published.find(({ type }) => type === 'webhook_endpoint.auto_disabled'),
  );
  t.strictSame(findWriterFaults(announced), []);
  t.match(announced, { actor: { kind: 'system' }, data: { endpointId: id, status: 'auto_disabled' } });
  const retry = await dispatcher.call(admin, 'POST', `/webhooks/deliveries/${delivery.id}/retry`);
  t.equal(retry.body.code, 'WEBHOOK_ENDPOINT_DISABLED');
  const enabled = await dispatcher.call({ partnerId }, 'PATCH', `/webhooks/endpoints/${id}`, {
    status: 'enabled',
  });
  t.match(enabled.body.data, { status: 'enabled', disabledReason: null, consecutiveFailures: 0 });
});

t.test(
  'what waits for its turn goes where the endpoint is by then, or nowhere when it is gone',
  async (t) => {
    const { db, messaging, dispatcher } = await createPlatform(t, { deadlineMs: 12_000 });
    const hanging = await createWebhookReceiver(t);
    const [before, after] = [await createWebhookReceiver(t), await createWebhookReceiver(t)];
    hanging.answerWith({ delayMs: 60_000 });
    const partnerId = await insertPartner(db);
    // As many as a partner may have in flight.
    for (let i = 0; i < 10; i += 1)
      await createEndpoint(dispatcher, {
        partnerId,
        url: hanging.url,
        eventTypes: ['commission.adjusted'],
        retryDelaysSeconds: [],
      });
    const eventTypes = ['conversion.recorded'];
    const moved = await createEndpoint(dispatcher, { partnerId, url: before.url, eventTypes });
    const deleted = await createEndpoint(dispatcher, { partnerId, url: before.url, eventTypes });
    await dispatcher.work(messaging);
    await publishEvent(messaging, eventFor(partnerId));
    await hanging.received(10);
    await publishEvent(messaging, eventFor(partnerId, 'conversion.recorded'));
    await waitFor(async () => {
      const waiting = await db.query(
        `SELECT FROM webhook_deliveries WHERE event_type = 'conversion.recorded' AND claimed_until IS NOT NULL`,
      );
      return waiting.length === 2;
    });
    await dispatcher.call({ partnerId }, 'PATCH', `/webhooks/endpoints/${moved.id}`, { url: after.url });
    await dispatcher.call({ partnerId }, 'DELETE', `/webhooks/endpoints/${deleted.id}`);
    for (const { id, type } of [
      { id: moved.id, type: 'webhook_endpoint.updated' },
      { id: deleted.id, type: 'webhook_endpoint.deleted' },
    ] as const) {
      const event = eventFor(partnerId, type);
      await publishEvent(messaging, { ...event, data: { ...event.data, endpointId: id } } as typeof event);
    }
    await after.received(1, 30_000);
    const orphan = await waitFor(
      async () => {
        const [row] = await db.query<{ status: string }>(
          'SELECT status, attempts, last_error FROM webhook_deliveries WHERE endpoint_id = $1',
          [deleted.id],
        );
        return row?.status === 'failed' && row;
      },
      { timeoutMs: 30_000 },
    );
    t.match(orphan, { attempts: 0, lastError: 'endpoint_deleted' });
    t.equal(before.requests.length, 0);
  },
);

t.test('redirects are failures and are not followed', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const [receiver, elsewhere] = [await createWebhookReceiver(t), await createWebhookReceiver(t)];
  receiver.answerWith({ status: 302, headers: { location: elsewhere.url } });
  const partnerId = await insertPartner(db);
  await createEndpoint(dispatcher, { partnerId, url: receiver.url, retryDelaysSeconds: [] });
  await dispatcher.work(messaging);
  await publishEvent(messaging, eventFor(partnerId));
  t.match(await settled(dispatcher, 'failed'), { lastStatusCode: 302, lastError: 'http_302' });
  t.equal(elsewhere.requests.length, 0);
});

t.test('what failed since a time can be counted and then delivered again', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const receiver = await createWebhookReceiver(t);
  receiver.answerWith({ status: 500 });
  const partnerId = await insertPartner(db);
  const { id } = await createEndpoint(dispatcher, { partnerId, url: receiver.url, retryDelaysSeconds: [] });
  await dispatcher.work(messaging);
  for (let i = 0; i < 5; i += 1) await publishEvent(messaging, eventFor(partnerId));
  const count = async (status: string): Promise<number> =>
    (await dispatcher.call({ partnerId }, 'GET', `/webhooks/deliveries?status=${status}`)).body.meta.total;
  await waitFor(async () => (await count('failed')) === 5);
  receiver.answerWith({ status: 204 });
  const recover = (body: object) =>
    dispatcher.call({ partnerId }, 'POST', `/webhooks/endpoints/${id}/recover`, body);
  const since = new Date(Date.now() - 60_000).toISOString();
  // Made days ago and given up just now; and one that had failed for good before.
  await db.query(`
    UPDATE webhook_deliveries SET created_at = now() - interval '3 days',
      last_attempt_at = CASE WHEN id = (SELECT id FROM webhook_deliveries ORDER BY id LIMIT 1)
        THEN now() - interval '2 days' ELSE last_attempt_at END
    WHERE id IN (SELECT id FROM webhook_deliveries ORDER BY id LIMIT 2)`);
  t.strictSame((await recover({ since, dryRun: true })).body.data, { matched: 4, queued: 0 });
  const earlier = new Date(Date.now() - 3 * 86_400_000).toISOString();
  t.strictSame((await recover({ since: earlier, until: since, dryRun: true })).body.data.matched, 1);
  t.strictSame((await recover({ since: new Date(Date.now() + 60_000).toISOString() })).status, 400);
  t.strictSame((await recover({ since })).body.data, { matched: 4, queued: 4 });
  await waitFor(async () => (await count('delivered')) === 4);
  t.equal(receiver.requests.length, 9);
});

t.test('deliveries are listed by filter, and a partner sees only its own', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const receiver = await createWebhookReceiver(t);
  const [mine, theirs] = [await insertPartner(db), await insertPartner(db)];
  const { id: endpointId } = await createEndpoint(dispatcher, { partnerId: mine, url: receiver.url });
  await createEndpoint(dispatcher, { partnerId: theirs, url: receiver.url });
  await dispatcher.work(messaging);
  for (const [partnerId, type] of [
    [mine, 'commission.created'],
    [mine, 'commission.paid'],
    [theirs, 'commission.paid'],
  ] as const) {
    await publishEvent(messaging, eventFor(partnerId, type));
  }
  await waitFor(
    async () =>
      (await dispatcher.call(admin, 'GET', '/webhooks/deliveries?status=delivered')).body.meta.total === 3,
  );
  const types = async (caller: { partnerId?: string }, query: string): Promise<string[]> => {
    const { body } = await dispatcher.call(caller, 'GET', `/webhooks/deliveries${query}`);
    return body.data.map(({ eventType }: { eventType: string }) => eventType).toSorted();
  };
  t.equal((await types(admin, '')).length, 3);
  t.strictSame(await types({ partnerId: mine }, ''), ['commission.created', 'commission.paid']);
  t.strictSame(await types(admin, `?endpointId=${endpointId}&eventType=commission.paid`), [
    'commission.paid',
  ]);
  t.strictSame(await types(admin, '?dateTo=2026-01-01&dateFrom=2025-12-01'), []);
  t.strictSame(await types({ partnerId: mine }, `?partnerId=${theirs}`), []);
  const { body } = await dispatcher.call({ partnerId: theirs }, 'GET', '/webhooks/deliveries');
  const foreign = `/webhooks/deliveries/${body.data[0].id}`;
  t.equal((await dispatcher.call({ partnerId: mine }, 'GET', foreign)).status, 404);
  t.equal((await dispatcher.call({ partnerId: mine }, 'POST', `${foreign}/retry`)).status, 404);
  const page = await dispatcher.call(admin, 'GET', '/webhooks/deliveries?limit=2');
  const rest = await dispatcher.call(
    admin,
    'GET',
    `/webhooks/deliveries?limit=2&cursor=${page.body.meta.nextCursor}`,
  );
  t.equal(new Set([...page.body.data, ...rest.body.data].map(({ id }: { id: string }) => id)).size, 3);
});
