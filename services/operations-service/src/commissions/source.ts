import { commissionWire } from '@tributary/commissions';
import type { ListSource } from '../lists/list-source.ts';

/** The columns that the wire shows, but for the metadata. */
export const SHOWN = [
  'id',
  'kind',
  'partner_id',
  'product_id',
  'policy_id',
  'policy_version',
  'policy_type',
  'conversion_id',
  'original_commission_id',
  'clawed_back_amount',
  'review_hold',
  'payout_id',
  'sub_id',
  'order_id',
  'referral_code',
  'status',
  'commission_amount',
  'order_amount',
  'commission_rate',
  'currency',
  'hold_until',
  'payment_method',
  'payment_reference',
  'version',
  'created_at',
  'updated_at',
  'confirmed_at',
  'paid_at',
  'cancelled_at',
  'refunded_at',
];

/** `SHOWN` of the rows as they are. */
export const PRESENT_COLUMNS = SHOWN.map((column) => `c.${column}`).join(', ');

/**
 * Commissions as lists show them: without `metadata.decision`, which is larger than all the rest and stands in the detail.
 */
export const COMMISSION_LIST = {
  from: 'commissions c',
  alias: 'c',
  columns: `${PRESENT_COLUMNS}, c.metadata - 'decision' AS metadata`,
  wire: commissionWire('c'),
  // The transaction that wrote the row as it is.
  revision: 'c.xmin',
  sorts: {
    createdAt: { expression: 'c.created_at', type: 'timestamptz' },
    commissionAmount: { expression: 'c.commission_amount', type: 'numeric' },
    confirmedAt: { expression: 'c.confirmed_at', type: 'timestamptz', sparse: true },
    paidAt: { expression: 'c.paid_at', type: 'timestamptz', sparse: true },
  },
} as const satisfies ListSource<string>;

export const COMMISSION_SORTS = ['createdAt', 'commissionAmount', 'confirmedAt', 'paidAt'] as const;

export type CommissionSort = keyof typeof COMMISSION_LIST.sorts;
