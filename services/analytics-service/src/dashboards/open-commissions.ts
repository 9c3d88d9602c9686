import type { Database } from '@tributary/schema';
import type { Scope } from '@tributary/rollups';
import { amount } from './arithmetic.ts';

/** What is pending, ready for payment and to be set off now, whenever it came into being. */
export interface OpenCommissions {
  readonly pendingCommissions: number;
  readonly pendingCommissionAmount: number;
  /** Confirmed earnings. */
  readonly commissionsReadyForPayment: number;
  readonly paymentsReadyAmount: number;
  /** Confirmed claw-backs that no payment has set off yet; a positive amount. */
  readonly clawbacksToNet: number;
}

// Sums over all hours there ever were: 8,760 narrow rows a year and currency, against every open commission.
const OF_PROGRAM = 'rollup_program_hours r WHERE r.program_id = $1 AND r.currency = $2';
const OF_PARTNER =
  'rollup_partner_days r WHERE r.program_id = $1 AND r.currency = $2 AND r.partner_id = $3::uuid';

interface OpenRow {
  pending: string;
  pendingAmount: string;
  ready: string;
  readyAmount: string;
  clawbackAmount: string;
}

export async function readOpenCommissions(
  db: Pick<Database, 'query'>,
  { programId, currency, partnerId }: Scope,
): Promise<OpenCommissions> {
  const own = partnerId === undefined ? [] : [partnerId];
  const [row] = await db.query<OpenRow>(
    `SELECT coalesce(sum(r.pending_count), 0) AS pending, coalesce(sum(r.pending_amount), 0) AS pending_amount,
       coalesce(sum(r.confirmed_count), 0) AS ready, coalesce(sum(r.confirmed_amount), 0) AS ready_amount,
       coalesce(sum(r.clawback_open_amount), 0) AS clawback_amount
     FROM ${partnerId === undefined ? OF_PROGRAM : OF_PARTNER}`,
    [programId, currency, ...own],
  );
  if (row === undefined) throw new Error('an aggregate without groups answered no row');
  return {
    pendingCommissions: amount(row.pending),
    pendingCommissionAmount: amount(row.pendingAmount),
    commissionsReadyForPayment: amount(row.ready),
    paymentsReadyAmount: amount(row.readyAmount),
    clawbacksToNet: amount(row.clawbackAmount),
  };
}
