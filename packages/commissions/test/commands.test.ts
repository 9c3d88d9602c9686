import t from 'tap';

import {
  changeCommission,
  confirmDueChunk,
  recordConversion,
  refundConversion,
  attributeCode,
} from '@tributary/commissions';
import { findWriterFaults } from '@tributary/event-catalog';

import { contextAt, setUp } from './command-setup.ts';

t.test('an order becomes a commission that is adjusted, refunded in part, confirmed and paid', async (t) => {
  const { db, deps, published, partner, product } = await setUp(t);
  const recorded = await recordConversion(deps, contextAt(new Date('2026-01-01T00:00:00Z')), {
    orderId: 'SO-1',
    currency: 'USD',
    placedAt: new Date('2026-01-01T00:00:00Z'),
    customerRefHash: 'abc',
    confirmed: true,
    lines: [{ productId: product.id, quantity: 1, amount: '100.00', commissionableAmount: '100.00' }],
    metadata: {},
    attribute: async () =>
      attributeCode('last_touch', { partnerId: partner.id, referralCode: partner.referralCode }),
  });
  t.equal(recorded.outcome, 'recorded');
  if (recorded.outcome !== 'recorded') return;
  const [conversion] = JSON.parse(recorded.conversions);
  const [commission] = JSON.parse(recorded.commissions);
  t.match(commission, { status: 'pending', commissionAmount: 10, conversionId: conversion.id });
  const adjusted = await changeCommission(deps, contextAt(), {
    commissionId: commission.id,
    command: { action: 'adjust', newAmount: 12, reason: 'negotiated' },
  });
  t.equal(adjusted.outcome, 'done');
  const refunded = await refundConversion(deps, contextAt(), {
    conversionId: conversion.id,
    amount: 50,
    reason: 'half came back',
  });
  t.match(refunded, { outcome: 'done' });
  if (refunded.outcome === 'done')
    t.match(JSON.parse(refunded.result), { commission: { commissionAmount: 6 } });
  t.same(await confirmDueChunk(deps, contextAt(), 10), { confirmed: 1 });
  const paid = await changeCommission(deps, contextAt(), {
    commissionId: commission.id,
    command: { action: 'pay', paymentMethod: 'bank', paymentReference: 'TX' },
  });
  t.equal(paid.outcome, 'done');
  for (const event of published) t.same(findWriterFaults(event), [], event.type);
  t.same(
    published.map((event) => event.type),
    [
      'conversion.recorded',
      'conversion.confirmed',
      'commission.created',
      'commission.adjusted',
      'conversion.refunded',
      'commission.refunded',
      'commission.confirmed',
      'commission.paid',
    ],
  );
  const audit = await db.query<{ action: string; actor: string; ipAddress: string }>(
    `SELECT action, actor, ip_address FROM audit_logs WHERE entity_type = 'commission' ORDER BY id`,
  );
  t.same(
    audit.map((row) => row.action),
    ['created', 'adjusted', 'refunded', 'confirmed', 'paid'],
  );
  t.match(audit[0], { actor: 'Ada Admin', ipAddress: '203.0.113.0' });
});
