import { deepStrictEqual } from 'node:assert/strict';
import * as fc from 'fast-check';
import type { Database } from '@tributary/schema';
import { partnerIdentity } from './harness.ts';
import type { Get } from './harness.ts';
import { referenceAnswer, referenceStarts, referenceTrends } from './reference.ts';
import type { Question } from './reference.ts';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Pacific/Auckland',
];

/** Something that may be asked of every dashboard. */
export interface Asked extends Question {
  readonly interval: string;
  readonly timeZone: string;
}

/** Ranges of every length and alignment: whole days, whole hours, and milliseconds; for anybody, in any currency and zone. */
export function questions(
  history: { from: Date; to: Date },
  partners: readonly string[],
): fc.Arbitrary<Asked> {
  const moment = fc
    .tuple(
      fc.integer({ min: history.from.getTime(), max: history.to.getTime() }),
      fc.constantFrom(1, 1, 3_600_000, 86_400_000),
    )
    .map(([at, grain]) => Math.floor(at / grain) * grain);
  return fc
    .record({
      bounds: fc.tuple(moment, moment),
      currency: fc.constantFrom('USD', 'EUR', 'JPY', 'GBP'),
      partnerId: fc.option(fc.constantFrom(...partners), { nil: undefined }),
      interval: fc.constantFrom('hour', 'day', 'week', 'month'),
      timeZone: fc.constantFrom(...ZONES),
    })
    .map(({ bounds, ...rest }) => ({
      ...rest,
      from: new Date(Math.min(...bounds)),
      to: new Date(Math.max(...bounds)),
    }));
}

/** Both ways to the figures. */
export interface Compared {
  readonly get: Get;
  readonly owner: Database;
}

function ask({ get }: Compared, path: string, { from, to, currency, partnerId }: Question) {
  const identity = partnerId === undefined ? {} : partnerIdentity(partnerId);
  const query = `dateFrom=${from.toISOString()}&dateTo=${to.toISOString()}&currency=${currency}`;
  return get(`${path}${path.includes('?') ? '&' : '?'}${query}`, identity);
}

/** @throws where funnel, kpi, policies or partners differ from plain SQL over the base tables */
export async function assertFiguresEqualSql(compared: Compared, asked: Asked): Promise<void> {
  const reference = (dashboard: Parameters<typeof referenceAnswer>[1]) =>
    referenceAnswer(compared.owner, dashboard, asked);
  const funnel = await ask(compared, 'funnel', asked);
  deepStrictEqual([funnel.status, funnel.meta.currency], [200, asked.currency]);
  deepStrictEqual(funnel.data, await reference('funnel'), 'funnel');
  const { period, ...kpi } = (await ask(compared, 'kpi', asked)).data;
  deepStrictEqual(period, { from: asked.from.toISOString(), to: asked.to.toISOString() });
  deepStrictEqual(kpi, await reference('kpi'), 'kpi');
  const policies = await ask(compared, 'policy-performance', asked);
  deepStrictEqual(policies.data, await reference('policy-performance'), 'policies');
  const tiers = await ask(compared, 'partner-tiers?limit=100', asked);
  const rows = tiers.data.map(({ tierUpgradeReason: _reason, ...row }: Record<string, unknown>) => row);
  deepStrictEqual(rows, await reference('partner-tiers'), 'tiers');
}

const ZEROS = { clicks: 0, conversions: 0, commissions: 0, revenue: 0, commissionAmount: 0 };

/** @throws where a series, in the reporting time zone asked for, differs from plain SQL, or a bucket is missing */
export async function assertTrendsEqualSql(compared: Compared, asked: Asked): Promise<void> {
  const { interval, timeZone } = asked;
  await compared.owner.query(
    `UPDATE settings SET value = to_jsonb($1::text) WHERE key = 'reportingTimeZone'`,
    [timeZone],
  );
  const { data } = await ask(compared, `trends?interval=${interval}`, asked);
  const points = new Map<string, unknown>(
    data.map(({ start, ...figures }: { start: string }) => [start, figures]),
  );
  deepStrictEqual(
    data.map(({ start }: { start: string }) => start),
    await referenceStarts(compared.owner, asked, { interval, timeZone }),
    'every bucket once, in order, also those in which nothing happened',
  );
  const expected = (await referenceTrends(compared.owner, asked, { interval, timeZone })) as Record<
    string,
    unknown
  >;
  const filled = Object.fromEntries([...points.keys()].map((start) => [start, ZEROS]));
  deepStrictEqual(Object.fromEntries(points), { ...filled, ...expected });
}
