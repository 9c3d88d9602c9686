import { deepStrictEqual } from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { createTestDatabase, insertRow } from '@tributary/testkit';
import { rebuildRollups, reconcileRollups } from '@tributary/rollups';
import { openDashboards, partnerIdentity } from './harness.ts';
import { HISTORY, insertHistory } from './random-history.ts';
import { referenceAnswer, referenceTrends } from './reference.ts';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Pacific/Auckland',
];
const RUNS = 100;

const { db, owner } = await createTestDatabase(t);
const { partners } = await insertHistory(owner);
await rebuildRollups({ db }, { programId: 'default', ...HISTORY, to: new Date('2026-07-01') });
await insertRow(owner, 'settings', { key: 'reportingTimeZone', value: 'UTC' });
const get = await openDashboards(t, db);

/** Ranges of every length and alignment: whole days, whole hours, and milliseconds. */
const momentIn = fc
  .tuple(
    fc.integer({ min: HISTORY.from.getTime(), max: HISTORY.to.getTime() }),
    fc.constantFrom(1, 1, 3_600_000, 86_400_000),
  )
  .map(([at, grain]) => Math.floor(at / grain) * grain);
const question = fc.record({
  bounds: fc.tuple(momentIn, momentIn),
  currency: fc.constantFrom('USD', 'EUR', 'JPY', 'GBP'),
  partner: fc.option(fc.nat({ max: partners.length - 1 }), { nil: undefined }),
  interval: fc.constantFrom('hour', 'day', 'week', 'month'),
  timeZone: fc.constantFrom(...ZONES),
});

function resolved({
  bounds,
  currency,
  partner,
}: {
  bounds: [number, number];
  currency: string;
  partner?: number | undefined;
}) {
  const from = new Date(Math.min(...bounds));
  const to = new Date(Math.max(...bounds));
  const partnerId = partner === undefined ? undefined : partners[partner]?.id;
  const query = `?dateFrom=${from.toISOString()}&dateTo=${to.toISOString()}&currency=${currency}`;
  return {
    query,
    identity: partnerId === undefined ? {} : partnerIdentity(partnerId),
    from,
    to,
    currency,
    partnerId,
  };
}

t.test(
  'funnel, kpi, policies and partners equal plain SQL for any range, currency and partner',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        const { query, identity, ...rest } = resolved(asked);
        const funnel = await get(`funnel${query}`, identity);
        t.match(funnel, { status: 200, meta: { currency: rest.currency } });
        t.same(funnel.data, await referenceAnswer(owner, 'funnel', rest), `funnel${query}`);
        const { period, ...kpi } = (await get(`kpi${query}`, identity)).data;
        t.same(period, { from: rest.from.toISOString(), to: rest.to.toISOString() });
        t.same(kpi, await referenceAnswer(owner, 'kpi', rest), `kpi${query}`);
        const policies = await get(`policy-performance${query}`, identity);
        t.same(policies.data, await referenceAnswer(owner, 'policy-performance', rest), `policies${query}`);
        const tiers = await get(`partner-tiers${query}&limit=100`, identity);
        const rows = tiers.data.map(
          ({
            recommendedTier: _r,
            tierUpgradeEligible: _e,
            tierUpgradeReason: _w,
            ...row
          }: Record<string, unknown>) => row,
        );
        t.same(rows, await referenceAnswer(owner, 'partner-tiers', rest), `tiers${query}`);
      }),
      { numRuns: RUNS },
    );
  },
);

t.test(
  'trends equal plain SQL in any time zone, over changes of daylight saving, gaps filled with zeros',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        const { query, identity, ...rest } = resolved(asked);
        const { interval, timeZone } = asked;
        await owner.query(`UPDATE settings SET value = to_jsonb($1::text) WHERE key = 'reportingTimeZone'`, [
          timeZone,
        ]);
        const { data } = await get(`trends${query}&interval=${interval}`, identity);
        const points = new Map<string, unknown>(
          data.map(({ start, ...figures }: { start: string }) => [start, figures]),
        );
        t.equal(points.size, data.length, 'every bucket once');
        const expected = (await referenceTrends(owner, rest, { interval, timeZone })) as Record<
          string,
          unknown
        >;
        const zeros = { clicks: 0, conversions: 0, commissions: 0, revenue: 0, commissionAmount: 0 };
        const filled = Object.fromEntries([...points.keys()].map((start) => [start, zeros]));
        deepStrictEqual(Object.fromEntries(points), { ...filled, ...expected });
      }),
      { numRuns: RUNS },
    );
  },
);

t.test('reconciling what was rebuilt finds nothing', async (t) => {
  t.same(await reconcileRollups({ db, graceMs: 0 }, { programId: 'default', ...HISTORY }), {});
});
