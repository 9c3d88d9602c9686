import * as fc from 'fast-check';
import t from 'tap';
import { candidate, line, NOW, PARTNER, policy, PRODUCT } from '../../test/policy-fixtures.ts';
import { decideCommission, type Candidate, type CommissionDecision, type Policy } from './index.ts';

const decide = (policies: Policy[], sale: Partial<Candidate> = {}): CommissionDecision =>
  decideCommission({ policies, ...candidate(sale) });

/** "WINNER+STACKED", or "none". */
function used(policies: Policy[], sale: Partial<Candidate> = {}): string {
  const decision = decide(policies, sale);
  if (decision.outcome === 'none') return 'none';
  return decision.policiesUsed.map(({ code }) => code).join('+');
}

/** What became of each policy considered, with the reason. */
function considered(policies: Policy[], sale: Partial<Candidate> = {}): Record<string, string> {
  const { decision } = decide(policies, sale);
  return Object.fromEntries(
    decision.considered.map(({ code, outcome, reasons }) => [code, `${outcome}: ${reasons.join('; ')}`]),
  );
}

const named = (code: string, terms: Partial<Policy> = {}): Policy => policy({ code, ...terms });
const stackable = (code: string, terms: Partial<Policy> = {}): Policy =>
  named(code, { stackable: true, ...terms });

t.test('the highest priority wins over specificity, specificity over age, age over the id', async (t) => {
  const old = new Date('2020-01-01T00:00:00Z');
  const urgent = named('URGENT', { priority: 5 });
  const narrow = named('NARROW', { partnerId: PARTNER, productId: PRODUCT });
  const older = named('OLDER', { createdAt: old });
  const plain = named('PLAIN');
  const twin = named('TWIN');
  t.equal(used([plain, older, narrow, urgent]), 'URGENT');
  t.equal(used([plain, older, narrow]), 'NARROW');
  t.equal(used([plain, older]), 'OLDER');
  t.equal(used([twin, plain]), 'PLAIN');
  t.same(considered([plain, older, narrow, urgent]), {
    URGENT: 'winner: has the higher priority (5 against 0)',
    NARROW: 'outranked: outranked by URGENT, which has the higher priority (5 against 0)',
    OLDER: 'outranked: outranked by URGENT, which has the higher priority (5 against 0)',
    PLAIN: 'outranked: outranked by URGENT, which has the higher priority (5 against 0)',
  });
  t.equal(
    considered([plain, narrow]).PLAIN,
    'outranked: outranked by NARROW, which is more specific (190 against 0)',
  );
  t.equal(considered([plain, older]).PLAIN, 'outranked: outranked by OLDER, which is older');
  t.equal(considered([twin, plain]).TWIN, 'outranked: outranked by PLAIN, which has the smaller id');
  t.equal(considered([plain]).PLAIN, 'winner: the only policy that applies');
});

t.test('a sum of weaker filters can be more specific than one strong filter', async (t) => {
  const partner = named('PARTNER', { partnerId: PARTNER });
  const several = named('SEVERAL', { category: 'shoes', tags: ['sale'] });
  t.equal(used([partner, several]), 'SEVERAL');
});

t.test('a policy that does not apply outranks nobody', async (t) => {
  const hats = named('HATS', { category: 'hats', priority: 9 });
  const spent = named('SPENT', { maxUsageTotal: 1, usageTotal: 1, priority: 8 });
  t.equal(used([hats, spent, named('PLAIN')]), 'PLAIN');
  t.same(considered([named('PLAIN'), spent, hats]), {
    PLAIN: 'winner: the only policy that applies',
    HATS: 'not_applicable: it is for category hats and the product is in shoes',
    SPENT: 'limit_reached: its 1 uses in all are taken',
  });
});

t.test('a winner that is not stackable stands alone', async (t) => {
  t.equal(used([named('ALONE', { priority: 2 }), stackable('PLUS')]), 'ALONE');
});

t.test('every other stackable policy adds to a stackable winner, in the same order', async (t) => {
  const policies = [
    stackable('C', { createdAt: new Date('2026-03-01T00:00:00Z') }),
    named('SINGLE', { priority: 5 }),
    stackable('B', { category: 'shoes' }),
    stackable('A', { priority: 9 }),
    stackable('HATS', { category: 'hats' }),
  ];
  t.equal(used(policies), 'A+B+C');
  const reasons = considered(policies);
  t.equal(reasons.B, 'stacked: stacked on A');
  t.equal(
    reasons.SINGLE,
    'outranked: outranked by A, which has the higher priority (9 against 5); it is not stackable',
  );
});

t.test('policies that exclude each other do not stack, whichever names the other', async (t) => {
  const byWinner = [stackable('A', { priority: 9, exclusiveWith: ['B'] }), stackable('B'), stackable('C')];
  t.equal(used(byWinner), 'A+C');
  t.equal(considered(byWinner).B, 'excluded: excluded by A: the two do not stack');
  t.equal(used([stackable('A', { priority: 9 }), stackable('B', { exclusiveWith: ['A'] })]), 'A');
});

t.test('a policy is excluded by one already taken, but not by one that was itself excluded', async (t) => {
  const a = stackable('A', { priority: 9, exclusiveWith: ['B'] });
  const b = stackable('B', { priority: 8, exclusiveWith: ['C'] });
  const c = stackable('C', { priority: 7, exclusiveWith: ['D'] });
  const d = stackable('D', { priority: 6 });
  t.equal(used([a, b, c, d]), 'A+C');
  t.equal(considered([a, b, c, d]).D, 'excluded: excluded by C: the two do not stack');
});

t.test('a commission names its winner, amount, rate and every policy used', async (t) => {
  const winner = stackable('A', { priority: 9, version: 3, holdDays: 14, rate: '10.000000' });
  const plus = stackable('B', { type: 'fixed', amount: '2.50', rate: null, currency: 'USD', version: 2 });
  const decision = decide([plus, winner]);
  t.match(decision, { outcome: 'commission', amount: '22.50', rate: '10' });
  if (decision.outcome === 'none') return;
  t.equal(decision.winner, winner, 'the policy that was handed in, with all its terms');
  t.same(decision.policiesUsed, [
    { policyId: 'id-A', code: 'A', version: 3, amount: '20.00' },
    { policyId: 'id-B', code: 'B', version: 2, amount: '2.50' },
  ]);
  t.equal(decision.decision.summary, '22.50 USD by A and B.');
});

t.test('without a policy there is no commission, and the decision says why', async (t) => {
  t.match(decide([]), { outcome: 'none', decision: { summary: 'No commission: there is no policy.' } });
  const decision = decide([named('HATS', { category: 'hats' })]);
  t.match(decision, {
    outcome: 'none',
    decision: {
      summary:
        'No commission: no policy applies (HATS: it is for category hats and the product is in shoes).',
      amount: null,
    },
  });
  t.equal(decision.decision.considered.length, 1);
  const five = ['A', 'B', 'C', 'D', 'E'].map((code) => named(code, { partnerId: 'other' }));
  const reason = 'it is for another partner';
  t.equal(
    decide(five).decision.summary,
    `No commission: no policy applies (A: ${reason}; B: ${reason}; C: ${reason}; and 2 more).`,
  );
});

t.test('a suspended partner earns no commission', async (t) => {
  const partner = { id: PARTNER, tier: 'gold', status: 'suspended' } as const;
  const decision = decide([named('PLAIN')], { partner });
  t.match(decision, { outcome: 'none', decision: { summary: 'No commission: the partner is suspended.' } });
});

t.test('the decision is plain JSON that retells the arithmetic and holds no personal data', async (t) => {
  const row = { id: PARTNER, tier: 'gold', status: 'active', name: 'Ada', email: 'ada@example.com' } as const;
  const { decision } = decide([named('PLAIN', { rate: '7.125' }), named('HATS', { category: 'hats' })], {
    partner: row,
    line: line({ attributedAmount: '99.99' }),
  });
  t.same(JSON.parse(JSON.stringify(decision)), decision);
  t.notMatch(JSON.stringify(decision), /ada/i);
  t.equal(decision.decidedAt, NOW.toISOString());
  t.match(decision, {
    outcome: 'commission',
    amount: '7.12',
    rate: '7.125',
    line: { attributedAmount: '99.99', currency: 'USD' },
    considered: [
      { policyId: 'id-PLAIN', code: 'PLAIN', version: 1, priority: 0, specificity: 0, outcome: 'winner' },
      { code: 'HATS', specificity: null, outcome: 'not_applicable' },
    ],
    arithmetic: [
      { step: 'percentage', values: { rate: '7.125', attributedAmount: '99.99' }, result: '7.1242875' },
      { step: 'round', values: { value: '7.1242875', decimals: '2' }, result: '7.12' },
    ],
  });
});

const codes = ['A', 'B', 'C', 'D', 'E', 'F'];
const randomPolicies = fc.uniqueArray(
  fc.record({
    code: fc.constantFrom(...codes),
    priority: fc.integer({ min: 0, max: 2 }),
    category: fc.constantFrom(null, 'shoes', 'hats'),
    partnerTier: fc.constantFrom(null, 'gold' as const),
    stackable: fc.boolean(),
    exclusiveWith: fc.subarray(codes, { maxLength: 2 }),
    rate: fc.constantFrom('1', '2.5', '60'),
    createdAt: fc.constantFrom(new Date('2025-01-01T00:00:00Z'), new Date('2025-06-01T00:00:00Z')),
  }),
  { selector: ({ code }) => code },
);

t.test('the decision does not depend on the order in which policies are read', async (t) => {
  const shuffled = randomPolicies.chain((terms) =>
    fc.tuple(fc.constant(terms), fc.shuffledSubarray(terms, { minLength: terms.length })),
  );
  fc.assert(
    fc.property(shuffled, ([terms, reordered]) => {
      const [one, other] = [decide(terms.map(policy)), decide(reordered.map(policy))];
      return JSON.stringify(one) === JSON.stringify(other);
    }),
  );
  t.pass('for any policies');
});

t.test('every policy is considered once, and those used are stackable and exclude nobody used', async (t) => {
  fc.assert(
    fc.property(randomPolicies, (terms) => {
      const policies = terms.map(policy);
      const decision = decide(policies);
      const seen = decision.decision.considered.map(({ code }) => code).sort();
      const everyOne =
        seen.join() ===
        terms
          .map(({ code }) => code)
          .sort()
          .join();
      if (decision.outcome === 'none') return everyOne && terms.every(({ category }) => category === 'hats');
      const taken = policies.filter(({ code }) => decision.policiesUsed.some((use) => use.code === code));
      const peaceful = taken.every(({ exclusiveWith, code }) =>
        taken.every((other) => other.code === code || !exclusiveWith.includes(other.code)),
      );
      const allStack = taken.length === 1 || taken.every(({ stackable }) => stackable);
      return (
        everyOne &&
        peaceful &&
        allStack &&
        decision.decision.considered.every((one) => one.reasons.length > 0)
      );
    }),
  );
  t.pass('for any policies');
});
