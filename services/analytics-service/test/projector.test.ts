import t from 'tap';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import type { Messaging } from '@tributary/messaging';
import { createMetrics, newId } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import {
  createTestDatabase,
  insertCommission,
  insertConversion,
  insertPartner,
  insertPolicy,
  testNats,
  waitFor,
} from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import { rebuildRollups } from '@tributary/rollups';
import { startProjector } from '../src/rollups/projector.ts';
import {
  commissionEvent,
  conversionEvent,
  eventsOfRows,
  readRollups,
  RECOMPUTED_ROLLUPS,
  shuffled,
} from './events.ts';
import { logger, openDashboards } from './harness.ts';
import { HISTORY, insertHistory } from './random-history.ts';

const WHOLE = { programId: 'default', from: HISTORY.from, to: new Date('2026-07-01') };

function openMessaging(t: TestScope, server: { url: string; namespace: string }): Messaging {
  const messaging = connectMessaging({
    ...server,
    name: 'test',
    logger,
    metrics: createMetrics({ service: 'test' }),
  });
  t.teardown(() => messaging.close());
  return messaging;
}

function project(t: TestScope, db: Database, messaging: Messaging) {
  const projector = startProjector({ db, messaging, logger, holder: newId(), leaseTtlMs: 3_000 });
  t.teardown(() => projector.stop());
  return projector;
}

/** Waits until what was published is in the figures, for as long as a busy machine takes. */
const untilCounted = (isCounted: () => Promise<boolean>, timeoutMs = 30_000) =>
  waitFor(isCounted, { timeoutMs, what: 'the figures' });

t.test(
  'events delivered three times in another order leave the rollups that the base tables say',
  async (t) => {
    const { db, owner } = await createTestDatabase(t);
    await insertHistory(owner, 300);
    const messaging = openMessaging(t, testNats(t));
    const publisher = createPublisher({ messaging, db });
    t.teardown(() => publisher.stop());
    await messaging.whenLive(AbortSignal.timeout(20_000));
    publisher.publish(shuffled(await eventsOfRows(owner), 3));
    await publisher.flush();
    const publishedAt = new Date();
    project(t, db, messaging);
    await waitFor(
      async () => {
        const [row] = await db.query<{ asOf: Date | null }>('SELECT as_of FROM rollup_progress');
        return row?.asOf !== undefined && row.asOf !== null && row.asOf > publishedAt;
      },
      { timeoutMs: 30_000, what: 'asOf past the last event' },
    );
    const projected = await readRollups(owner, RECOMPUTED_ROLLUPS);
    for (const table of RECOMPUTED_ROLLUPS) {
      await owner.query(`DELETE FROM rollup_${table}`);
    }
    await rebuildRollups({ db }, WHOLE);
    t.strictSame(projected, await readRollups(owner, RECOMPUTED_ROLLUPS));
  },
);

t.test(
  'a change is in the figures and in asOf soon after its event, and another projector takes over',
  async (t) => {
    const { db, owner } = await createTestDatabase(t);
    const messaging = openMessaging(t, testNats(t));
    // What is published before would be left to the sweeper, and these events have no row that it could find.
    await messaging.whenLive(AbortSignal.timeout(20_000));
    const publisher = createPublisher({ messaging, db });
    t.teardown(() => publisher.stop());
    const get = await openDashboards(t, db);
    const first = project(t, db, messaging);
    const policyId = (await insertPolicy(owner)).id;
    // An hour ago, so that only the rollups can know of it.
    const createdAt = new Date(Date.now() - 3_600_000);
    const commissions = async () => (await get('funnel')).data.totalCommissions;
    const earning = await insertCommission(owner, { policyId, createdAt });
    publisher.publish([commissionEvent('commission.created', earning)]);
    await untilCounted(async () => (await commissions()) === 1);
    await first.stop();
    project(t, db, messaging);
    publisher.publish([
      commissionEvent('commission.created', await insertCommission(owner, { policyId, createdAt })),
    ]);
    // What the first one had asked the server for may have been given to it as it left: then it comes again.
    await untilCounted(async () => (await commissions()) === 2, 45_000);
    await owner.query(`UPDATE commissions SET status = 'cancelled' WHERE id = $1`, [earning.id]);
    publisher.publish([commissionEvent('commission.cancelled', earning)]);
    await untilCounted(async () => (await commissions()) === 1);
    // Policies are recomputed apart from partners.
    await untilCounted(async () => (await get('policy-performance')).data[0]?.totalCommissions === 1);
    t.match((await get('policy-performance')).data, [{ policyId, totalCommissions: 1 }]);
    const now = new Date();
    await untilCounted(async () => new Date((await get('funnel')).meta.asOf ?? 0) > now);
    t.pass('asOf follows');
  },
);

t.test('a paid commission whose line the shop refunded counts as refunded, in its own hour', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const messaging = openMessaging(t, testNats(t));
  await messaging.whenLive(AbortSignal.timeout(20_000));
  const publisher = createPublisher({ messaging, db });
  t.teardown(() => publisher.stop());
  const get = await openDashboards(t, db);
  project(t, db, messaging);
  const { id: policyId } = await insertPolicy(owner);
  const { id: partnerId } = await insertPartner(owner);
  const createdAt = new Date(Date.now() - 26 * 3_600_000);
  const conversion = await insertConversion(owner, { partnerId, convertedAt: createdAt });
  const paid = await insertCommission(owner, {
    partnerId,
    policyId,
    createdAt,
    conversionId: conversion.id,
    status: 'paid',
    paidAt: createdAt,
  });
  publisher.publish([commissionEvent('commission.created', paid)]);
  const policy = async () => (await get('policy-performance')).data[0];
  await untilCounted(async () => (await policy())?.totalCommissions === 1);
  t.match(await policy(), { refundCount: 0 });
  await owner.query('UPDATE commissions SET clawed_back_amount = 5 WHERE id = $1', [paid.id]);
  const clawBack = await insertCommission(owner, {
    kind: 'clawback',
    partnerId,
    originalCommissionId: paid.id,
    commissionAmount: '-5.00',
    policyId: null,
    conversionId: null,
    orderAmount: '0',
    status: 'confirmed',
  });
  await owner.query('UPDATE conversion_events SET refunded_amount = 50 WHERE id = $1', [conversion.id]);
  publisher.publish([commissionEvent('commission.clawed_back', clawBack)]);
  await untilCounted(async () => (await policy())?.refundCount === 1);
  // Partners are recomputed apart from policies.
  const partner = async () => (await get('partner-tiers')).data[0];
  await untilCounted(async () => (await partner())?.refundCount === 1);
  t.match(await partner(), { totalCommissions: 1 });
  await owner.query('UPDATE conversion_events SET refunded_amount = 0 WHERE id = $1', [conversion.id]);
  publisher.publish([commissionEvent('commission.clawed_back', clawBack)]);
  await untilCounted(async () => (await policy())?.refundCount === 0);
  t.pass('a claw-back without a refund is none');
});

t.test('a refund that finds everything clawed back by hand counts as one', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const messaging = openMessaging(t, testNats(t));
  await messaging.whenLive(AbortSignal.timeout(20_000));
  const publisher = createPublisher({ messaging, db });
  t.teardown(() => publisher.stop());
  const get = await openDashboards(t, db);
  project(t, db, messaging);
  const { id: policyId } = await insertPolicy(owner);
  const { id: partnerId } = await insertPartner(owner);
  const createdAt = new Date(Date.now() - 26 * 3_600_000);
  // Converted an hour before its commission was made, whose hour it is that changes.
  const convertedAt = new Date(createdAt.getTime() - 3_600_000);
  const conversion = await insertConversion(owner, { partnerId, convertedAt });
  const paid = await insertCommission(owner, {
    partnerId,
    policyId,
    createdAt,
    conversionId: conversion.id,
    status: 'paid',
    clawedBackAmount: '10.00',
  });
  const clawBack = await insertCommission(owner, {
    kind: 'clawback',
    partnerId,
    originalCommissionId: paid.id,
    commissionAmount: '-10.00',
    policyId: null,
    conversionId: null,
    orderAmount: '0',
    status: 'confirmed',
  });
  const policy = async () => (await get('policy-performance')).data[0];
  const partner = async () => (await get('partner-tiers')).data[0];
  publisher.publish([commissionEvent('commission.clawed_back', clawBack)]);
  await untilCounted(async () => (await policy())?.totalCommissions === 1);
  t.match(await policy(), { refundCount: 0 });
  await owner.query('UPDATE conversion_events SET refunded_amount = 100 WHERE id = $1', [conversion.id]);
  publisher.publish([conversionEvent('conversion.refunded', conversion)]);
  await untilCounted(async () => (await policy())?.refundCount === 1);
  await untilCounted(async () => (await partner())?.refundCount === 1);
  t.match([await policy(), await partner()], [{ refundRate: 100 }, { refundRate: 100 }]);
});

t.test('with NATS away the dashboards answer, and asOf stays where it was', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const messaging = openMessaging(t, { url: 'nats://127.0.0.1:1', namespace: '' });
  project(t, db, messaging);
  const get = await openDashboards(t, db);
  const asOf = '2026-03-01T10:00:00.000Z';
  // The projector writes the row at its start, maybe before this.
  await owner.query(
    'INSERT INTO rollup_progress (as_of) VALUES ($1) ON CONFLICT (program_id) DO UPDATE SET as_of = excluded.as_of',
    [new Date(asOf)],
  );
  const createdAt = new Date(Date.now() - 10);
  await insertCommission(owner, { createdAt });
  const { status, meta } = await get('funnel');
  t.match({ status, asOf: meta.asOf }, { status: 200, asOf });
});

t.test('an unsent event holds asOf back', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const messaging = openMessaging(t, testNats(t));
  const unsentAt = new Date(Date.now() - 60_000);
  await owner.query(
    `INSERT INTO outbox_events (id, type, subject, actor, data, occurred_at, created_at)
     VALUES ($1, 'commission.created', '{}', '{}', '{}', $2, $2)`,
    [newId(), unsentAt],
  );
  project(t, db, messaging);
  await waitFor(async () => {
    const [row] = await db.query<{ asOf: Date | null }>('SELECT as_of FROM rollup_progress');
    return row?.asOf?.getTime() === unsentAt.getTime();
  });
  t.pass('asOf is the moment of the unsent event');
});
