import { z } from 'zod';
import { PARTNER_TIERS } from '@tributary/schema';
import type { Database, PartnerTier } from '@tributary/schema';
import { clickFacts, createStatement, partnerFacts } from '@tributary/rollups';
import type { Cover, PartnerFigure, Scope } from '@tributary/rollups';
import { amount, average, percentage } from './arithmetic.ts';
import { countCommissions, sumsOf, totalsOf } from './figures.ts';
import type { PartnerSums, Sums } from './figures.ts';
import { adviseTier } from './tier-marks.ts';

export const partnerTierSchema = z.object({
  partnerId: z.uuid(),
  partnerName: z.string(),
  partnerEmail: z.string(),
  currentTier: z.enum(PARTNER_TIERS),
  totalClicks: z.int(),
  totalConversions: z.int(),
  totalCommissions: z.int(),
  conversionRate: z.number(),
  commissionRate: z.number(),
  totalEarnings: z.number(),
  avgCommissionAmount: z.number(),
  totalRevenue: z.number(),
  refundCount: z.int(),
  refundRate: z.number(),
  recommendedTier: z.enum(PARTNER_TIERS),
  tierUpgradeEligible: z.boolean(),
  tierUpgradeReason: z.string(),
});

export type PartnerTierRow = z.output<typeof partnerTierSchema>;

const NAMES = [
  'conversions',
  'revenue',
  'pending_count',
  'confirmed_count',
  'paid_count',
  'refund_count',
  'earnings_amount',
] as const;

/** What a tier is recommended by: read once more, in the programme's currency, as its marks are, where another one is shown. */
const MARKED = [
  'conversions',
  'pending_count',
  'confirmed_count',
  'paid_count',
  'refund_count',
  'earnings_amount',
] as const;

type PartnerRow = Pick<
  PartnerSums,
  | 'conversions'
  | 'revenue'
  | 'pendingCount'
  | 'confirmedCount'
  | 'paidCount'
  | 'refundCount'
  | 'earningsAmount'
> &
  Sums<`marked_${(typeof MARKED)[number]}`> & {
    id: string;
    name: string;
    email: string;
    tier: PartnerTier;
    clicks: string | null;
  };

export interface PartnerTierPage {
  readonly rows: PartnerTierRow[];
  readonly total: number;
}

/**
 * Every partner of the scope, the one that earned most first. Tiers are recommended by what was earned in `currency`, the
 * programme's, whatever currency is shown.
 */
export async function readPartnerTiers(
  db: Pick<Database, 'query'>,
  scope: Scope,
  { cover, currency, page, limit }: { cover: Cover; currency: string; page: number; limit: number },
): Promise<PartnerTierPage> {
  const [rows, total] = await Promise.all([
    readPage(db, scope, { cover, currency, limit, offset: (page - 1) * limit }),
    countPartners(db, scope),
  ]);
  return { rows: rows.map((row) => tierOf(row, currency)), total };
}

async function readPage(
  db: Pick<Database, 'query'>,
  scope: Scope,
  { cover, currency, limit, offset }: { cover: Cover; currency: string; limit: number; offset: number },
): Promise<PartnerRow[]> {
  const s = createStatement(scope, cover);
  const inProgramCurrency = { ...s, scope: { ...scope, currency } };
  const [marked, join] =
    currency === scope.currency
      ? ['f', '']
      : ['m', `LEFT JOIN (${sumsByPartner(inProgramCurrency, MARKED)}) AS m ON m.partner_id = p.id`];
  const own = scope.partnerId === undefined ? '' : ` AND p.id = ${s.bind(scope.partnerId)}::uuid`;
  return db.query<PartnerRow>(
    `SELECT p.id, p.name, p.email, p.tier, k.clicks, f.*, ${MARKED.map((name) => `${marked}.${name} AS marked_${name}`).join(', ')}
     FROM partners p
     LEFT JOIN (${sumsByPartner(s, NAMES)}) AS f ON f.partner_id = p.id
     ${join}
     LEFT JOIN (SELECT partner_id, sum(valid_clicks) AS clicks FROM (${clickFacts(s)}) AS click GROUP BY partner_id) AS k
       ON k.partner_id = p.id
     WHERE p.program_id = ${s.programId}${own}
     ORDER BY coalesce(f.earnings_amount, 0) DESC, p.id
     LIMIT ${s.bind(limit)}::int OFFSET ${s.bind(offset)}::int`,
    s.params,
  );
}

const sumsByPartner = (s: ReturnType<typeof createStatement>, names: readonly PartnerFigure[]): string =>
  `SELECT f.partner_id, ${sumsOf(names)} FROM (${partnerFacts(s, names)}) AS f GROUP BY f.partner_id`;

async function countPartners(db: Pick<Database, 'query'>, { programId, partnerId }: Scope): Promise<number> {
  if (partnerId !== undefined) return 1;
  const [row] = await db.query<{ total: number }>(
    'SELECT count(*)::int AS total FROM partners WHERE program_id = $1',
    [programId],
  );
  return row?.total ?? 0;
}

function tierOf({ id, name, email, tier, ...sums }: PartnerRow, currency: string): PartnerTierRow {
  const totals = totalsOf(sums);
  const { clicks, conversions, revenue, earningsAmount: earnings, refundCount: refunds } = totals;
  const commissions = countCommissions(totals);
  return {
    partnerId: id,
    partnerName: name,
    partnerEmail: email,
    currentTier: tier,
    totalClicks: amount(clicks),
    totalConversions: amount(conversions),
    totalCommissions: amount(commissions),
    conversionRate: percentage(conversions, clicks),
    commissionRate: percentage(commissions, conversions),
    totalEarnings: amount(earnings),
    avgCommissionAmount: average(earnings, commissions),
    totalRevenue: amount(revenue),
    refundCount: amount(refunds),
    refundRate: percentage(refunds, commissions),
    ...adviseTier({
      currentTier: tier,
      currency,
      earnings: totals.markedEarningsAmount,
      clicks,
      conversions: totals.markedConversions,
      commissions: countCommissions({
        pendingCount: totals.markedPendingCount,
        confirmedCount: totals.markedConfirmedCount,
        paidCount: totals.markedPaidCount,
      }),
      refunds: totals.markedRefundCount,
    }),
  };
}
