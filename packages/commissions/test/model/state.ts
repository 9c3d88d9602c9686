import { allotUnits, divideRounded } from '../bigint-reference.ts';

/** One change of a commission, as entry, audit row and event must tell it. Amounts are in minor units. */
export interface ModelChange {
  action: string;
  delta: bigint;
  after: bigint;
  statusBefore: string | null;
  statusAfter: string;
}

export interface ModelCommission {
  /** Given by the real programme once it has written the row. */
  id: string;
  partner: number;
  kind: 'earning' | 'clawback' | 'bonus';
  currency: Currency;
  status: string;
  amount: bigint;
  clawedBack: bigint;
  basis: bigint;
  basisLeft: bigint;
  /** Part of its line had been refunded when it was created. */
  bornRefunded: boolean;
  held: boolean;
  createdDay: number;
  paidDay: number | null;
  /** Day on which its hold ends. */
  holdUntil: number | null;
  line: ModelLine | null;
  original: ModelCommission | null;
  history: ModelChange[];
}

/** One credited partner's conversion of a line. */
export interface ModelPart {
  id: string;
  partner: number;
  weight: bigint;
  attributed: bigint;
  refunded: bigint;
  commission: ModelCommission | null;
  history: string[];
}

export interface ModelLine {
  day: number;
  product: number;
  currency: Currency;
  amount: bigint;
  commissionable: bigint;
  refunded: bigint;
  status: string;
  parts: ModelPart[];
  /** The shop's latest refund, to be repeated. */
  lastRefund: { id: string; amount: bigint } | null;
  refunds: bigint[];
}

export type Currency = 'USD' | 'KRW';
export const DECIMALS: Record<Currency, number> = { USD: 2, KRW: 0 };
export const PARTNERS = 4;
/** The programme's only policy: 12.5 % after a week. */
export const RATE = { percent: '12.5', of: 1_000n, parts: 125n, holdDays: 7 };

export interface ModelState {
  day: number;
  lines: ModelLine[];
  commissions: ModelCommission[];
  onPaymentHold: Set<number>;
}

export const newState = (): ModelState => ({
  day: 0,
  lines: [],
  commissions: [],
  onPaymentHold: new Set(),
});

export type Model = 'last_touch' | 'linear' | 'position_based';

/** Credits of touches (oldest first) in whole numbers: only their ratios count. */
function credits(model: Model, count: number): bigint[] {
  const between = BigInt(Math.max(count - 2, 1));
  return Array.from({ length: count }, (_, index) => {
    const isLast = index === count - 1;
    if (model === 'last_touch') return isLast ? 1n : 0n;
    if (model === 'linear') return 1n;
    return index === 0 || isLast ? 2n * between : 1n;
  });
}

const MILLION = 1_000_000n;

/** Partners credited for touches, the heaviest first, on a tie the latest, with weights in millionths. */
export function creditPartners(
  model: Model,
  touches: readonly number[],
): { partner: number; weight: bigint }[] {
  const given = credits(model, touches.length);
  const claims = [...new Set(touches)].map((partner) => ({
    partner,
    latest: touches.lastIndexOf(partner),
    credit: touches.reduce((sum, by, index) => (by === partner ? sum + (given[index] ?? 0n) : sum), 0n),
  }));
  claims.sort((a, b) => Number(b.credit - a.credit) || b.latest - a.latest);
  const weights = allotUnits(
    MILLION,
    claims.map(({ credit }) => credit),
  );
  return claims
    .map(({ partner, latest }, index) => ({ partner, latest, weight: weights[index] ?? 0n }))
    .filter(({ weight }) => weight > 0n)
    .sort((a, b) => Number(b.weight - a.weight) || b.latest - a.latest);
}

export function addCommission(
  state: ModelState,
  values: Pick<ModelCommission, 'partner' | 'kind' | 'currency' | 'amount'> & Partial<ModelCommission>,
): ModelCommission {
  const status = values.kind === 'earning' ? 'pending' : 'confirmed';
  const commission: ModelCommission = {
    id: '',
    status,
    clawedBack: 0n,
    basis: values.amount,
    basisLeft: 0n,
    bornRefunded: false,
    held: false,
    createdDay: state.day,
    paidDay: null,
    holdUntil: null,
    line: null,
    original: null,
    history: [
      {
        action: values.kind === 'clawback' ? 'clawed_back' : 'created',
        delta: values.amount,
        after: values.amount,
        statusBefore: null,
        statusAfter: status,
      },
    ],
    ...values,
  };
  state.commissions.push(commission);
  return commission;
}

/** Confirms a line: each partner's commission, on what refunds have left. */
export function earn(state: ModelState, line: ModelLine): void {
  const left = line.amount - line.refunded;
  for (const part of line.parts) {
    part.history.push('confirmed');
    const amount = divideRounded(part.attributed * RATE.parts * left, RATE.of * line.amount);
    part.commission = addCommission(state, {
      partner: part.partner,
      kind: 'earning',
      currency: line.currency,
      amount,
      basisLeft: left,
      bornRefunded: line.refunded > 0n,
      holdUntil: state.day + RATE.holdDays,
      line,
    });
  }
  line.status = line.refunded === 0n ? 'confirmed' : 'partial_refund';
}

export function change(
  commission: ModelCommission,
  action: string,
  to: { status?: string; amount?: bigint } = {},
): void {
  const { status, amount } = commission;
  commission.status = to.status ?? status;
  commission.amount = to.amount ?? amount;
  commission.history.push({
    action,
    delta: commission.amount - amount,
    after: commission.amount,
    statusBefore: status,
    statusAfter: commission.status,
  });
}
