import { z } from 'zod';
import type { Database } from '@tributary/schema';
import { programClickFacts, coverRange, createStatement, programFacts } from '@tributary/rollups';
import type { Cover, Scope, Span } from '@tributary/rollups';
import { amount } from './arithmetic.ts';
import { countCommissions, sumsOf, totalsOf } from './figures.ts';
import type { PartnerTotals } from './figures.ts';
import { conversionsIn } from './read-totals.ts';

export const trendPointSchema = z.object({
  /** When the bucket begins; the first may begin before the range, and then holds only what is in the range. */
  start: z.iso.datetime(),
  clicks: z.int(),
  conversions: z.int(),
  commissions: z.int(),
  revenue: z.number(),
  commissionAmount: z.number(),
});

export type TrendPoint = z.output<typeof trendPointSchema>;

const NAMES = [
  'conversions',
  'primary_conversions',
  'revenue',
  'pending_count',
  'confirmed_count',
  'paid_count',
  'earnings_amount',
] as const;

type TrendTotals = Pick<
  PartnerTotals,
  | 'conversions'
  | 'primaryConversions'
  | 'revenue'
  | 'pendingCount'
  | 'confirmedCount'
  | 'paidCount'
  | 'earningsAmount'
>;

type Db = Pick<Database, 'query'>;

/** A point for every bucket, with zeros where nothing happened. */
export async function readTrends(
  db: Db,
  scope: Scope,
  { range, starts }: { range: Span; starts: readonly Date[] },
): Promise<TrendPoint[]> {
  if (starts.length === 0) return [];
  const cover = coverRange(range, starts);
  const [clicks, money] = await Promise.all([
    readClicks(db, scope, { cover, starts }),
    readMoney(db, scope, { cover, starts }),
  ]);
  return starts.map((start, index) =>
    pointOf(start, clicks.get(index + 1) ?? '0', { scope, totals: money.get(index + 1) }),
  );
}

interface Series {
  readonly cover: Cover;
  readonly starts: readonly Date[];
}

async function readClicks(db: Db, scope: Scope, { cover, starts }: Series): Promise<Map<number, string>> {
  const s = createStatement(scope, cover);
  const rows = await db.query<{ bucket: number; clicks: string }>(
    `SELECT width_bucket(f.at, ${s.bind(starts)}::timestamptz[]) AS bucket, sum(f.valid_clicks) AS clicks
     FROM (${programClickFacts(s)}) AS f GROUP BY 1`,
    s.params,
  );
  return new Map(rows.map(({ bucket, clicks }) => [bucket, clicks]));
}

async function readMoney(db: Db, scope: Scope, { cover, starts }: Series): Promise<Map<number, TrendTotals>> {
  const s = createStatement(scope, cover);
  const rows = await db.query<TrendTotals & { bucket: number }>(
    `SELECT width_bucket(f.at, ${s.bind(starts)}::timestamptz[]) AS bucket, ${sumsOf(NAMES)}
     FROM (${programFacts(s, NAMES)}) AS f GROUP BY 1`,
    s.params,
  );
  return new Map(rows.map(({ bucket, ...sums }) => [bucket, totalsOf(sums)]));
}

function pointOf(
  start: Date,
  clicks: string,
  { scope, totals }: { scope: Scope; totals: TrendTotals | undefined },
): TrendPoint {
  return {
    start: start.toISOString(),
    clicks: amount(clicks),
    conversions: amount(totals === undefined ? 0 : conversionsIn(scope, totals)),
    commissions: amount(totals === undefined ? 0 : countCommissions(totals)),
    revenue: amount(totals?.revenue ?? 0),
    commissionAmount: amount(totals?.earningsAmount ?? 0),
  };
}
