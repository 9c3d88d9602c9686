import t from 'tap';
import type { Database } from '@tributary/schema';
import {
  createTestDatabase,
  insertClick,
  insertCommission,
  insertConversion,
  insertPartner,
  insertProduct,
} from '@tributary/testkit';
import { rebuildRollups } from '@tributary/rollups';
import { openDashboards } from './harness.ts';

const day = (hour: number): Date => new Date(Date.UTC(2026, 2, 10, hour));

/** 1,000 clicks, 100 conversions of 500.00, commissions of 25.00 and 50.00 that add up to 2,500.00, five of them refunded. */
async function insertExample(db: Database): Promise<void> {
  const partnerId = (await insertPartner(db)).id;
  const productId = (await insertProduct(db)).id;
  await insertClick(db, { partnerId, clickedAt: day(1) });
  await db.query(
    `INSERT INTO referral_clicks (id, partner_id, referral_code, status, clicked_at)
     SELECT gen_random_uuid(), $1::uuid, 'x', 'valid', $2::timestamptz + g * interval '1 minute' FROM generate_series(1, 999) AS g`,
    [partnerId, day(1)],
  );
  // 94 x 26.00 + 1 x 56.00 = 2,500.00
  const statuses = [
    ...Array.from({ length: 20 }, () => 'pending' as const),
    ...Array.from({ length: 50 }, () => 'confirmed' as const),
    ...Array.from({ length: 25 }, () => 'paid' as const),
    ...Array.from({ length: 5 }, () => 'cancelled' as const),
  ];
  for (const [index, status] of statuses.entries()) {
    const at = new Date(day(3).getTime() + index * 420_000);
    const conversion = await insertConversion(db, {
      partnerId,
      productId,
      orderAmount: '500.00',
      convertedAt: at,
      status: status === 'cancelled' ? 'refunded' : 'confirmed',
    });
    await insertCommission(db, {
      partnerId,
      productId,
      conversionId: conversion.id,
      status,
      createdAt: at,
      orderAmount: '500.00',
      commissionAmount: index === 0 ? '56.00' : '26.00',
      ...(status === 'cancelled' ? { refundedAt: at } : {}),
    });
  }
}

t.test('the worked example of the domain comes out to the cent', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  await insertExample(owner);
  await rebuildRollups({ db }, { programId: 'default', from: day(0), to: day(24) });
  const get = await openDashboards(t, db);
  const { data } = await get('funnel?dateFrom=2026-03-10&dateTo=2026-03-11');
  t.same(data, {
    totalClicks: 1_000,
    totalConversions: 100,
    totalCommissions: 95,
    clickToConversionRate: 10,
    conversionToCommissionRate: 95,
    clickToCommissionRate: 9.5,
    totalRevenue: 50_000,
    totalCommissionAmount: 2_500,
    avgOrderValue: 500,
    avgCommissionAmount: 26.32,
    effectiveCommissionRate: 5,
    statusBreakdown: { pending: 20, confirmed: 50, paid: 25, cancelled: 5 },
    totalClawedBack: 0,
    totalBonuses: 0,
  });
  const tiers = await get('partner-tiers?dateFrom=2026-03-10&dateTo=2026-03-11');
  t.match(tiers.data[0], { totalCommissions: 95, refundCount: 5, refundRate: 5.26 });
  t.match(tiers.meta, { total: 1, page: 1, limit: 20, totalPages: 1 });
});
