import type {
  CommissionKind,
  CommissionStatus,
  ConversionStatus,
  Database,
  PolicyType,
} from '@tributary/schema';

/** A line's conversion row with its earning, where it has one. Amounts are decimal text. */
export interface LineConversion {
  id: string;
  version: number;
  partnerId: string;
  referralCode: string | null;
  subId: string | null;
  status: ConversionStatus;
  weight: string;
  isPrimary: boolean;
  attributedAmount: string;
  refundedAmount: string;
  commission: LineCommission | null;
}

export interface LineCommission {
  id: string;
  version: number;
  kind: CommissionKind;
  status: CommissionStatus;
  amount: string;
  clawedBackAmount: string;
  basisAmount: string;
  basisLeft: string;
  policy: { policyId: string | null; policyVersion: number | null; policyType: PolicyType | null };
}

/** An order line with everything that refunds, confirmations and cancellations of it touch. */
export interface Line {
  id: string;
  version: number;
  orderRowId: string;
  orderId: string;
  productId: string;
  currency: string;
  quantity: number;
  amount: string;
  commissionableAmount: string;
  refundedAmount: string;
  isNewCustomer: boolean;
  /** The primary one first. */
  conversions: LineConversion[];
}

const LINE = `
  SELECT l.id, l.version, l.order_id AS order_row_id, o.external_id AS order_id, l.product_id, o.currency, l.quantity,
    l.amount, l.commissionable_amount, l.refunded_amount, o.is_new_customer,
    (SELECT json_agg(json_build_object('id', v.id, 'version', v.version, 'partnerId', v.partner_id,
        'referralCode', v.referral_code, 'subId', v.sub_id, 'status', v.status, 'weight', v.attribution_weight::text,
        'isPrimary', v.is_primary, 'attributedAmount', v.attributed_amount::text,
        'refundedAmount', v.refunded_amount::text,
        'commission', CASE WHEN c.id IS NOT NULL THEN json_build_object('id', c.id, 'version', c.version, 'kind', c.kind,
          'status', c.status, 'amount', c.commission_amount::text, 'clawedBackAmount', c.clawed_back_amount::text,
          'basisAmount', c.basis_amount::text, 'basisLeft', c.basis_left::text, 'policy', json_build_object(
            'policyId', c.policy_id, 'policyVersion', c.policy_version, 'policyType', c.policy_type)) END)
        ORDER BY v.is_primary DESC, v.id)
     FROM conversion_events v
     LEFT JOIN commissions c ON c.program_id = v.program_id AND c.conversion_id = v.id AND c.kind = 'earning'
     WHERE v.program_id = l.program_id AND v.order_line_id = l.id) AS conversions
  FROM conversion_events asked
  JOIN order_lines l ON l.program_id = asked.program_id AND l.id = asked.order_line_id
  JOIN orders o ON o.program_id = l.program_id AND o.id = l.order_id
  WHERE asked.program_id = $1 AND asked.id = $2`;

/** The line that a conversion belongs to, with all of its conversions and their commissions. */
export async function findLineOfConversion(
  db: Database,
  programId: string,
  conversionId: string,
): Promise<Line | undefined> {
  const [line] = await db.query<Line>(LINE, [programId, conversionId]);
  return line;
}
