import * as fc from 'fast-check';
import t from 'tap';
import { candidate, line, NOW, PARTNER, policy, PRODUCT, SUPPLIER } from '../../test/policy-fixtures.ts';
import { matchPolicy, specificityOf, type Candidate, type Policy } from './index.ts';

const before = (ms: number): Date => new Date(NOW.getTime() - ms);
const after = (ms: number): Date => new Date(NOW.getTime() + ms);

/** The outcome and reasons of a policy on the fixture's sale. */
function matched(terms: Partial<Policy>, sale: Partial<Candidate> = {}): string {
  const match = matchPolicy(policy(terms), candidate(sale));
  return match.applies ? 'applies' : `${match.outcome}: ${match.reasons.join('; ')}`;
}

t.test('a policy without filters applies to everything', async (t) => {
  t.equal(matched({}), 'applies');
});

t.test('only an active policy applies', async (t) => {
  for (const status of ['inactive', 'scheduled', 'expired'] as const) {
    t.equal(matched({ status }), `not_applicable: its status is ${status}`);
  }
});

t.test('each set filter must match', async (t) => {
  t.equal(matched({ partnerId: PARTNER }), 'applies');
  t.equal(matched({ partnerId: 'other' }), 'not_applicable: it is for another partner');
  t.equal(matched({ productId: PRODUCT }), 'applies');
  t.equal(matched({ productId: 'other' }), 'not_applicable: it is for another product');
  t.equal(matched({ partnerTier: 'gold' }), 'applies');
  t.equal(
    matched({ partnerTier: 'platinum' }),
    'not_applicable: it is for partners in tier platinum and this one is in gold',
  );
  t.equal(matched({ supplierId: SUPPLIER }), 'applies');
  t.equal(matched({ supplierId: 'other' }), 'not_applicable: it is for products of another supplier');
  t.equal(matched({ category: 'shoes' }), 'applies');
  t.equal(
    matched({ category: 'hats' }),
    'not_applicable: it is for category hats and the product is in shoes',
  );
  const bare = { id: PRODUCT, category: null, tags: [], supplierId: null };
  t.equal(
    matched({ category: 'hats', supplierId: SUPPLIER }, { product: bare }),
    'not_applicable: it is for products of another supplier; it is for category hats and the product is in none',
  );
});

t.test('any one tag in common is enough, and no tags are no filter', async (t) => {
  t.equal(matched({ tags: ['winter', 'sale'] }), 'applies');
  t.equal(matched({ tags: [] }), 'applies');
  t.equal(
    matched({ tags: ['winter', 'new'] }),
    'not_applicable: the product has none of its tags (winter, new)',
  );
});

t.test(
  'order amount bounds are inclusive and look at the whole line, not at the part credited',
  async (t) => {
    const credited = { line: line({ attributedAmount: '10.00', attributionWeight: '0.050000' }) };
    const usd = { currency: 'USD' };
    t.equal(matched({ ...usd, minOrderAmount: '200.00', maxOrderAmount: '200.00' }, credited), 'applies');
    t.equal(
      matched({ ...usd, minOrderAmount: '200.01' }),
      "not_applicable: the line's 200.00 is below its minimum order amount 200.01",
    );
    t.equal(
      matched({ ...usd, maxOrderAmount: '199.99' }),
      "not_applicable: the line's 200.00 is above its maximum order amount 199.99",
    );
    t.equal(matched({ ...usd, minOrderAmount: '30.00' }), 'applies', 'compared as amounts, not as text');
  },
);

t.test('a policy for new customers passes by those who have ordered before', async (t) => {
  t.equal(matched({ requiresNewCustomer: true }, { customer: { isNew: true } }), 'applies');
  t.equal(
    matched({ requiresNewCustomer: true }),
    'not_applicable: it is for new customers and this one has ordered before',
  );
});

t.test('a policy is valid from its first moment until just before its last', async (t) => {
  t.equal(matched({ validFrom: NOW, validUntil: after(1) }), 'applies');
  t.equal(matched({ validFrom: after(1) }), 'not_applicable: it is valid from 2026-06-15T12:00:00.001Z on');
  t.equal(matched({ validUntil: NOW }), 'not_applicable: it was valid until 2026-06-15T12:00:00.000Z');
  t.equal(matched({ validFrom: before(10), validUntil: before(5) }).split(':')[0], 'not_applicable');
});

t.test('a policy that holds amounts applies in their currency only', async (t) => {
  const refused = 'not_applicable: its amounts are in EUR and the order is in USD';
  const amounts: Partial<Policy>[] = [
    { type: 'fixed', amount: '3.00' },
    { type: 'tiered', tiers: [{ minAmount: 0, rate: 5 }] },
    { minCommission: '1.00' },
    { maxCommission: '1.00' },
    { minOrderAmount: '1.00' },
    { maxOrderAmount: '1000.00' },
  ];
  for (const terms of amounts) {
    t.equal(matched({ ...terms, currency: 'EUR' }), refused);
    t.equal(matched({ ...terms, currency: 'USD' }), 'applies');
  }
  t.equal(matched({ currency: 'EUR' }), 'applies', 'a bare percentage holds none');
  t.equal(
    matched({ maxCommission: '1.00' }),
    'not_applicable: its amounts are in no currency and the order is in USD',
  );
});

t.test('a policy whose limit is reached says so, and other reasons come first', async (t) => {
  t.equal(matched({ maxUsageTotal: 5, usageTotal: 4, maxUsagePerPartner: 2, usageByPartner: 1 }), 'applies');
  t.equal(matched({ maxUsageTotal: 5, usageTotal: 5 }), 'limit_reached: its 5 uses in all are taken');
  t.equal(
    matched({ maxUsagePerPartner: 2, usageByPartner: 2 }),
    "limit_reached: this partner's 2 uses of it are taken",
  );
  t.equal(matched({ maxUsageTotal: 0 }), 'limit_reached: its 0 uses in all are taken');
  t.equal(
    matched({ maxUsageTotal: 5, usageTotal: 5, category: 'hats' }),
    'not_applicable: it is for category hats and the product is in shoes; its 5 uses in all are taken',
  );
});

t.test('a tiered policy needs a band that holds the line and prices it', async (t) => {
  const usd = { type: 'tiered', currency: 'USD' } as const;
  t.equal(matched({ ...usd, tiers: [{ minAmount: 100, rate: 5 }] }), 'applies');
  const credited = { line: line({ attributedAmount: '10.00', attributionWeight: '0.050000' }) };
  t.equal(matched({ ...usd, tiers: [{ minAmount: 100, rate: 5 }] }, credited), 'applies', 'the whole line');
  t.equal(
    matched({ ...usd, tiers: [{ minAmount: 500, rate: 5 }] }),
    "not_applicable: no band of it holds the line's 200.00",
  );
  t.equal(
    matched({ ...usd, tiers: [{ minAmount: 0, maxAmount: 300 }] }),
    'not_applicable: its band from 0 to 300 has neither rate nor amount',
  );
  t.equal(matched({ ...usd, tiers: null }).split(':')[0], 'not_applicable');
});

t.test('a policy that lacks the term of its type steps aside', async (t) => {
  t.equal(matched({ rate: null }), 'not_applicable: it has no rate');
  t.equal(matched({ type: 'fixed', currency: 'USD' }), 'not_applicable: it has no amount');
});

t.test('specificity is the sum over the filters that are set', async (t) => {
  const weights: [number, Partial<Policy>][] = [
    [100, { partnerId: PARTNER }],
    [90, { productId: PRODUCT }],
    [80, { partnerTier: 'gold' }],
    [70, { supplierId: SUPPLIER }],
    [60, { category: 'shoes' }],
    [50, { tags: ['sale'] }],
    [40, { minOrderAmount: '1.00' }],
    [30, { requiresNewCustomer: true }],
    [20, { validFrom: NOW }],
  ];
  for (const [weight, terms] of weights) t.equal(specificityOf(policy(terms)), weight);
  t.equal(specificityOf(policy({ minOrderAmount: '1.00', maxOrderAmount: '2.00' })), 40, 'bounds count once');
  t.equal(specificityOf(policy({ validFrom: NOW, validUntil: NOW })), 20, 'the window counts once');
  t.equal(specificityOf(policy({ tags: [] })), 0);
  fc.assert(
    fc.property(fc.subarray(weights), (chosen) => {
      const terms = Object.assign({}, ...chosen.map(([, part]) => part)) as Partial<Policy>;
      return specificityOf(policy(terms)) === chosen.reduce((sum, [weight]) => sum + weight, 0);
    }),
  );
});
