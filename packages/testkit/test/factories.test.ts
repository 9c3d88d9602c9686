import t from 'tap';

import {
  createTestDatabase,
  identityHeaders,
  insertClick,
  insertCommission,
  insertConversion,
  insertPartner,
  insertPolicy,
  insertUser,
  testIdentityKey,
} from '../src/index.ts';

const { db } = await createTestDatabase(t);

t.test(
  'factories make rows that the tables and the service role accept, with everything they refer to',
  async (t) => {
    const partner = await insertPartner(db, { tier: 'gold', referralCode: 'SUMMER' });
    t.match(partner, { tier: 'gold', status: 'active', referralCode: 'SUMMER' });
    const policy = await insertPolicy(db, { priority: 5, terms: { type: 'fixed', amount: '7.50' } });
    t.match(policy, { priority: 5, terms: { type: 'fixed', amount: '7.50', currency: 'USD', version: 1 } });
    t.match(await insertClick(db, { partnerId: partner.id }), { status: 'valid', partnerId: partner.id });
    const conversion = await insertConversion(db, { partnerId: partner.id, orderAmount: '80.00' });
    t.match(conversion, { attributedAmount: '80.00', status: 'pending', isPrimary: true });
    t.match(await insertUser(db), { role: 'admin', status: 'active' });
  },
);

t.test('a commission can be put into any status, of any kind, with its entry', async (t) => {
  for (const status of ['pending', 'confirmed', 'paid', 'cancelled'] as const) {
    const commission = await insertCommission(db, { status, commissionAmount: '12.34' });
    t.match(commission, { status, commissionAmount: '12.34', version: 1 });
    const entries = await db.query(
      'SELECT status_after, amount_after FROM commission_entries WHERE commission_id = $1',
      [commission.id],
    );
    t.same(entries, [{ statusAfter: status, amountAfter: '12.34' }]);
  }
  t.match(await insertCommission(db, { kind: 'bonus', status: 'confirmed' }), { conversionId: null });
  const paid = await insertCommission(db, { status: 'paid', currency: 'EUR', orderAmount: '55.00' });
  t.match(
    await insertCommission(db, {
      kind: 'clawback',
      originalCommissionId: paid.id,
      commissionAmount: '-3.00',
      status: 'confirmed',
    }),
    { originalCommissionId: paid.id },
  );
});

t.test('an identity is accepted by the service it names and by no other', async (t) => {
  const { IDENTITY_HEADER, verifyIdentity } = await import('@tributary/http-kit');
  const header =
    identityHeaders({ service: 'one', scopes: ['catalog:read'], partnerId: 'p1' })[IDENTITY_HEADER] ?? '';
  t.match(verifyIdentity(header, { service: 'one', key: testIdentityKey('one') }), {
    kind: 'user',
    scopes: ['catalog:read'],
    partnerId: 'p1',
  });
  t.equal(verifyIdentity(header, { service: 'two', key: testIdentityKey('two') }), undefined);
  const everyone = identityHeaders({ service: 'one' })[IDENTITY_HEADER] ?? '';
  t.match(verifyIdentity(everyone, { service: 'one', key: testIdentityKey('one') }), { role: 'super_admin' });
});
