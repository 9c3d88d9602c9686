import { attributeCode, readPolicies, recordConversion, type PolicySource } from '@tributary/commissions';
import { insertCommission, insertPartner, insertPolicy, insertProduct } from '@tributary/testkit';
import t from 'tap';
import { countEarlierUses } from '../src/policies/earlier-uses.ts';
import { startOperations } from './harness.ts';

const { db, call } = await startOperations(t);
const [partner, product] = [await insertPartner(db), await insertProduct(db)];

const policies: PolicySource = {
  current: (programId) => readPolicies(db, programId),
  forget: () => undefined,
};

async function sell(orderId: string): Promise<string> {
  const now = new Date();
  const context = {
    programId: 'default',
    actor: { kind: 'shop', id: null, name: 'shop' },
    requestId: orderId,
    ipAddress: null,
    userAgent: null,
    now,
  } as const;
  const { outcome } = await recordConversion({ db, policies, publish: () => undefined }, context, {
    orderId,
    currency: 'USD',
    placedAt: now,
    customerRefHash: null,
    confirmed: true,
    lines: [{ productId: product.id, quantity: 1, amount: '100.00', commissionableAmount: '100.00' }],
    metadata: {},
    attribute: async () =>
      attributeCode('last_touch', { partnerId: partner.id, referralCode: partner.referralCode }),
  });
  return outcome;
}

t.test('a first limit counts the commissions that are being written while it is set', async (t) => {
  for (let round = 0; round < 6; round += 1) {
    const policy = await insertPolicy(db, { priority: round + 1 });
    const limit = 30 + round;
    const sales = Array.from({ length: 60 }, (_, index) => sell(`R${round}-${index}`));
    const limited = await call('PATCH', `/policies/${policy.id}`, { body: { maxUsageTotal: limit } });
    t.equal(limited.status, 200, limited.text);
    await Promise.all(sales);
    await Promise.all(Array.from({ length: 40 }, (_, index) => sell(`R${round}-late-${index}`)));
    const [found] = await db.query<{ used: number; earned: number; since: number }>(
      `SELECT used, (SELECT count(*)::int FROM commissions WHERE policy_id = $1) AS earned,
         (SELECT count(*)::int FROM commissions WHERE policy_id = $1 AND policy_version > 1) AS since
       FROM policy_usage WHERE policy_id = $1 AND partner_id IS NULL`,
      [policy.id],
    );
    t.equal(found?.used, found?.earned, `round ${round}: every use is counted`);
    t.ok((found?.earned ?? 0) <= limit || found?.since === 0, `round ${round}: no use beyond the limit`);
  }
});

t.test('uses of long ago are counted in chunks, those of the last minutes with the limit', async (t) => {
  const policy = await insertPolicy(db);
  const [one, two] = [await insertPartner(db), await insertPartner(db)];
  const outcomes = ['winner', 'stacked', 'outranked'] as const;
  const uses = Array.from({ length: 60 }, (_, index) => {
    const outcome = outcomes[index % 3] ?? 'winner';
    // Ten at each moment, and the last ten a moment ago.
    const createdAt = index < 50 ? new Date(Date.UTC(2026, 0, 1) + Math.floor(index / 10)) : new Date();
    return insertCommission(db, {
      partnerId: index % 2 === 0 ? one.id : two.id,
      ...(outcome === 'winner' ? { policyId: policy.id, policyVersion: 1 } : {}),
      createdAt,
      metadata: { decision: { considered: [{ policyId: policy.id, outcome }] } },
    });
  });
  await Promise.all(uses);
  const old = { policyId: policy.id, before: new Date(Date.now() - 60_000) };
  for (const rowsAtOnce of [1_000, 12, 5, 3]) {
    const counted = await countEarlierUses(db, 'default', { ...old, rowsAtOnce });
    t.same(counted, { [one.id]: 17, [two.id]: 17 }, `${rowsAtOnce} rows at once`);
  }
  const limited = await call('PATCH', `/policies/${policy.id}`, { body: { maxUsagePerPartner: 100 } });
  t.equal(limited.status, 200, limited.text);
  const found = await db.query<{ partnerId: string | null; used: number }>(
    'SELECT partner_id, used FROM policy_usage WHERE policy_id = $1 ORDER BY used DESC, partner_id',
    [policy.id],
  );
  t.same(found, [
    { partnerId: null, used: 40 },
    ...[one.id, two.id].toSorted().map((partnerId) => ({ partnerId, used: 20 })),
  ]);
});
