import { isDeepStrictEqual } from 'node:util';

import {
  createWebhookReceiver,
  startOwnNats,
  startOwnPostgres,
  startOwnRedis,
  waitFor,
} from '@tributary/testkit';
import t from 'tap';

import { clientOf, dataOf, loggedIn } from '../api-client.ts';
import { funnelBySql } from '../funnel-by-sql.ts';
import { startPlatform } from '../platform.ts';
import { startTraffic, type Traffic } from '../traffic.ts';

/** Answers to wait for between one crash and the next: enough for every kind of request to have been under way. */
const BETWEEN = 25;

const [postgres, nats, redis] = await Promise.all([startOwnPostgres(t), startOwnNats(t), startOwnRedis(t)]);
const platform = await startPlatform(t, {
  servers: { owner: postgres.url, database: postgres.serviceUrl, nats: nats.url, redis: redis.url },
});
const { owner: db, services } = platform;
const call = clientOf(platform, platform.apiKey);
const RANGE = {
  dateFrom: new Date(Date.now() - 3_600_000).toISOString(),
  dateTo: new Date(Date.now() + 86_400_000).toISOString(),
};

const revive = (server: { kill(): Promise<void>; start(): Promise<void> }) => ({
  kill: () => server.kill(),
  restart: () => server.start(),
});
const processes = {
  ...services,
  redis: revive(redis),
  nats: revive(nats),
  postgres: revive(postgres),
};

async function goesOn(traffic: Traffic, what: string): Promise<void> {
  const { count } = traffic;
  await waitFor(() => traffic.count >= count + BETWEEN, { timeoutMs: 20_000, what });
}

async function queueConfirmation(): Promise<string> {
  return (await dataOf(call('POST', '/operations/jobs/confirm-due-commissions/run', { body: {} }), 202)).id;
}

const jobSucceeded = (id: string) =>
  waitFor(async () => (await dataOf(call('GET', `/operations/jobs/${id}`))).status === 'succeeded', {
    timeoutMs: 30_000,
    what: 'the job to succeed',
  });

async function numberOf(sql: string, params: readonly (string | string[])[] = []): Promise<number> {
  const [row] = await db.query<{ n: number }>(sql, params);
  return row?.n ?? Number.NaN;
}

// Each commission was made, adjusted and confirmed once: three entries, three audit rows, three events.
const UNBALANCED = `
  WITH entries AS (SELECT commission_id AS id, array_agg(action ORDER BY action) AS actions FROM commission_entries GROUP BY 1),
  audited AS (
    SELECT entity_id::uuid AS id, array_agg(action ORDER BY action) AS actions FROM audit_logs
    WHERE entity_type = 'commission' GROUP BY 1
  ), told AS (
    SELECT (subject->>'commissionId')::uuid AS id, array_agg(split_part(type, '.', 2) ORDER BY type) AS actions
    FROM outbox_events WHERE type LIKE 'commission.%' GROUP BY 1
  )
  SELECT count(*)::int AS n FROM commissions c
  LEFT JOIN entries e USING (id) LEFT JOIN audited a USING (id) LEFT JOIN told o USING (id)
  WHERE (e.actions = ARRAY['adjusted', 'confirmed', 'created'] AND a.actions = e.actions AND o.actions = e.actions)
    IS NOT TRUE`;

t.test('each process is killed once while requests run, and nothing is lost or there twice', async (t) => {
  const receiver = await createWebhookReceiver(t);
  const partner = await loggedIn(platform, platform.partner);
  await dataOf(partner('POST', '/webhooks/endpoints', { body: { url: receiver.url } }), 201);
  const sku = 'KILL-1';
  await dataOf(call('POST', '/products', { body: { sku, name: 'Thing', price: 100, currency: 'USD' } }), 201);
  const policy = { code: 'at-once', name: 'No hold', type: 'percentage', rate: 10, holdDays: 0 };
  await dataOf(call('POST', '/policies', { body: policy }), 201);

  const traffic = startTraffic(call, sku, 'HARBOUR');
  for (const [name, process] of Object.entries(processes)) {
    await goesOn(traffic, `requests before ${name} is killed`);
    const job = name === 'batch-scheduler' ? await queueConfirmation() : undefined;
    await process.kill();
    await process.restart();
    if (job !== undefined) await jobSucceeded(job);
  }
  await goesOn(traffic, 'requests after the last crash');
  await traffic.stop();
  const { clickIds, commissions, adjustments, refusals } = traffic.accepted;
  t.comment({ clicks: clickIds.length, orders: commissions.size, refusals: Object.fromEntries(refusals) });
  t.ok(refusals.size > 0, 'clients noticed');
  await jobSucceeded(await queueConfirmation());

  const stored = 'SELECT count(*)::int AS n FROM referral_clicks WHERE id = ANY($1::uuid[])';
  t.equal(await numberOf(stored, [clickIds]), clickIds.length, 'every click that was answered is stored');
  const countedTwice = `SELECT count(*)::int AS n FROM (SELECT FROM referral_clicks WHERE status = 'valid'
    GROUP BY visitor_hash HAVING count(*) > 1) AS twice`;
  t.equal(await numberOf(countedTwice), 0, 'no visit counts twice');

  const orders = await db.query<{ orderId: string; id: string }>('SELECT order_id, id FROM commissions');
  t.same(new Map(orders.map(({ orderId, id }) => [orderId, id])), commissions, 'one commission per order');
  t.equal(await numberOf('SELECT count(*)::int AS n FROM conversion_events'), commissions.size);
  const amounts = await db.query<{ id: string; amount: number }>(
    `SELECT id, commission_amount::float8 AS amount FROM commissions WHERE status = 'confirmed'`,
  );
  t.same(new Map(amounts.map(({ id, amount }) => [id, amount])), adjustments, 'every adjustment stands');
  t.equal(await numberOf(UNBALANCED), 0, 'entries, audit rows and events tell the same');

  const unsent = 'SELECT count(*)::int AS n FROM outbox_events WHERE sent_at IS NULL';
  await waitFor(async () => (await numberOf(unsent)) === 0, {
    timeoutMs: 20_000,
    what: 'all events to be sent',
  });
  const events = await db.query<{ id: string }>(
    `SELECT id FROM outbox_events WHERE type LIKE 'commission.%' OR type LIKE 'conversion.%'`,
  );
  const expected = new Set(events.map(({ id }) => id));
  const delivered = () => new Set(receiver.requests.map(({ headers }) => String(headers['webhook-id'])));
  await waitFor(() => delivered().size >= expected.size, {
    timeoutMs: 40_000,
    what: 'every event to be delivered',
  });
  t.same(delivered(), expected, 'and nothing that did not happen');
  t.equal(await numberOf('SELECT count(*)::int AS n FROM dead_letters'), 0);

  const funnel = () => dataOf(call('GET', `/dashboard/funnel?${new URLSearchParams(RANGE).toString()}`));
  await waitFor(async () => isDeepStrictEqual(await funnel(), await funnelBySql(db, RANGE)), {
    timeoutMs: 20_000,
    what: 'the dashboard to equal SQL',
  });
  t.equal((await funnel()).totalConversions, commissions.size);
});
