/** What of commissions somebody should look at, by the names of the overview's `attention`. */
export const COMMISSION_ATTENTION = ['commissions_past_hold', 'payments_on_hold'] as const;

export type CommissionAttention = (typeof COMMISSION_ATTENTION)[number];

// Constants in the text: of pending commissions whose hold has passed a partial index tells.
const CONDITIONS: Readonly<Record<CommissionAttention, string>> = {
  commissions_past_hold: `c.status = 'pending' AND NOT c.review_hold AND c.hold_until < now()`,
  payments_on_hold: `c.status = 'confirmed' AND c.partner_id IN (
    SELECT p.id FROM partners p WHERE p.program_id = c.program_id AND p.payment_hold)`,
};

/** The SQL conditions over `commissions c` under which the overview counts one, now; none when nothing is asked for. */
export function attentionConditions(attention: CommissionAttention | undefined): string[] {
  return attention === undefined ? [] : [CONDITIONS[attention]];
}
