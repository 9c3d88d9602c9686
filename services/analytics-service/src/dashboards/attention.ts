import { z } from 'zod';
import type { Database } from '@tributary/schema';
import type { Scope } from '@tributary/rollups';

const KINDS = [
  'commissions_past_hold',
  'payments_on_hold',
  'webhook_endpoints_auto_disabled',
  'dead_letters',
] as const;

type Kind = (typeof KINDS)[number];

export const attentionSchema = z.object({
  kind: z.enum(KINDS),
  count: z.int(),
  /** True when there are more than were counted. */
  countCapped: z.boolean(),
  detail: z.string(),
});

export type Attention = z.output<typeof attentionSchema>;

const DETAILS: Record<Kind, string> = {
  commissions_past_hold: 'Pending commissions whose hold has passed and that nobody has confirmed yet',
  payments_on_hold: 'Confirmed commissions of partners to whom nothing is paid at present',
  webhook_endpoints_auto_disabled: 'Webhook endpoints switched off after days of nothing but failures',
  dead_letters: 'Events that could not be processed and wait to be replayed',
};

/** Enough to say that there are many. */
const CAP = 1_000;

const capped = (rows: string): string =>
  `(SELECT count(*)::int FROM (SELECT FROM ${rows} LIMIT ${CAP + 1}) AS found)`;

/** What somebody should look at; only what there is. Dead letters are none of a partner's business. */
export async function readAttention(
  db: Pick<Database, 'query'>,
  { programId, partnerId }: Pick<Scope, 'programId' | 'partnerId'>,
): Promise<Attention[]> {
  const own = partnerId === undefined ? '' : ' AND x.partner_id = $2::uuid';
  const counts: Partial<Record<Kind, string>> = {
    commissions_past_hold: `commissions x
      WHERE x.program_id = $1 AND x.status = 'pending' AND NOT x.review_hold AND x.hold_until < now()${own}`,
    payments_on_hold: `partners p JOIN commissions x ON x.program_id = p.program_id AND x.partner_id = p.id
      WHERE p.program_id = $1 AND p.payment_hold AND x.status = 'confirmed'${own}`,
    webhook_endpoints_auto_disabled: `webhook_endpoints x WHERE x.program_id = $1 AND x.status = 'auto_disabled'${own}`,
    ...(partnerId === undefined
      ? { dead_letters: 'dead_letters x WHERE x.program_id = $1 AND x.replayed_at IS NULL' }
      : {}),
  };
  const columns = Object.entries(counts).map(([kind, rows]) => `'${kind}', ${capped(rows)}`);
  const [row] = await db.query<{ counts: Partial<Record<Kind, number>> }>(
    `SELECT jsonb_build_object(${columns.join(', ')}) AS counts`,
    partnerId === undefined ? [programId] : [programId, partnerId],
  );
  return KINDS.flatMap((kind) => {
    const found = row?.counts[kind] ?? 0;
    const count = Math.min(found, CAP);
    return found === 0 ? [] : [{ kind, count, countCapped: found > CAP, detail: DETAILS[kind] }];
  });
}
