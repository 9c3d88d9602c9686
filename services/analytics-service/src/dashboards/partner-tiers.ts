import { z } from 'zod';
import { PARTNER_TIERS } from '@tributary/schema';
import type { Database, PartnerTier } from '@tributary/schema';
import { clickFacts, createStatement, partnerFacts } from '@tributary/rollups';
import type { Cover, Scope } from '@tributary/rollups';
import { amount, average, percentage } from './arithmetic.ts';
import { countCommissions, sumsOf, totalsOf } from './figures.ts';
import type { PartnerSums } from './figures.ts';
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

type PartnerRow = Pick<
  PartnerSums,
  | 'conversions'
  | 'revenue'
  | 'pendingCount'
  | 'confirmedCount'
  | 'paidCount'
  | 'refundCount'
  | 'earningsAmount'
> & {
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

/** Every partner of the scope, the one that earned most first. */
export async function readPartnerTiers(
  db: Pick<Database, 'query'>,
  scope: Scope,
  { cover, page, limit }: { cover: Cover; page: number; limit: number },
): Promise<PartnerTierPage> {
  const [rows, total] = await Promise.all([
    readPage(db, scope, { cover, limit, offset: (page - 1) * limit }),
    countPartners(db, scope),
  ]);
  return { rows: rows.map(tierOf), total };
}

async function readPage(
  db: Pick<Database, 'query'>,
  scope: Scope,
  { cover, limit, offset }: { cover: Cover; limit: number; offset: number },
): Promise<PartnerRow[]> {
  const s = createStatement(scope, cover);
  const own = scope.partnerId === undefined ? '' : ` AND p.id = ${s.bind(scope.partnerId)}::uuid`;
  return db.query<PartnerRow>(
    `SELECT p.id, p.name, p.email, p.tier, k.clicks, f.*
     FROM partners p
     LEFT JOIN (SELECT f.partner_id, ${sumsOf(NAMES)} FROM (${partnerFacts(s, NAMES)}) AS f GROUP BY f.partner_id) AS f
       ON f.partner_id = p.id
     LEFT JOIN (SELECT partner_id, sum(valid_clicks) AS clicks FROM (${clickFacts(s)}) AS click GROUP BY partner_id) AS k
       ON k.partner_id = p.id
     WHERE p.program_id = ${s.programId}${own}
     ORDER BY coalesce(f.earnings_amount, 0) DESC, p.id
     LIMIT ${s.bind(limit)}::int OFFSET ${s.bind(offset)}::int`,
    s.params,
  );
}

async function countPartners(db: Pick<Database, 'query'>, { programId, partnerId }: Scope): Promise<number> {
  if (partnerId !== undefined) return 1;
  const [row] = await db.query<{ total: number }>(
    'SELECT count(*)::int AS total FROM partners WHERE program_id = $1',
    [programId],
  );
  return row?.total ?? 0;
}

function tierOf({ id, name, email, tier, ...sums }: PartnerRow): PartnerTierRow {
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
    ...adviseTier({ currentTier: tier, earnings, clicks, conversions, commissions, refunds }),
  };
}
