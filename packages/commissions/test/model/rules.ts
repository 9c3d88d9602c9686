import { allotUnits, divideRounded } from '../bigint-reference.ts';
import {
  addCommission,
  change,
  creditPartners,
  earn,
  type Currency,
  type Model,
  type ModelCommission,
  type ModelLine,
  type ModelState,
} from './state.ts';

/**
 * The rules of domain.md a second time, on plain objects and integers. Each function changes the state and answers the
 * outcome that the command must answer.
 */

export interface RecordedLine {
  amount: bigint;
  commissionable: bigint;
}

export function record(
  state: ModelState,
  order: { model: Model; touches: number[]; currency: Currency; confirmed: boolean; lines: RecordedLine[] },
): ModelLine[] {
  const credited = creditPartners(order.model, order.touches);
  const lines = order.lines.map(({ amount, commissionable }, product): ModelLine => {
    const shares = allotUnits(
      commissionable,
      credited.map(({ weight }) => weight),
    );
    const parts = credited.map(({ partner, weight }, index) => ({
      id: '',
      partner,
      weight,
      attributed: shares[index] ?? 0n,
      refunded: 0n,
      commission: null,
      history: ['recorded'],
    }));
    const { currency } = order;
    const rest = { refunded: 0n, status: 'pending', lastRefund: null, refunds: [] };
    return { day: state.day, product, currency, amount, commissionable, parts, ...rest };
  });
  state.lines.push(...lines);
  if (order.confirmed) for (const line of lines) earn(state, line);
  return lines;
}

export function confirmLine(state: ModelState, line: ModelLine): string {
  if (line.status !== 'pending') return 'refused';
  earn(state, line);
  return 'done';
}

export function cancelLine(line: ModelLine): string {
  if (!['pending', 'confirmed', 'partial_refund'].includes(line.status)) return 'refused';
  if (line.parts.some(({ commission }) => commission?.status === 'paid')) return 'refused';
  line.status = 'cancelled';
  for (const { history, commission } of line.parts) {
    history.push('cancelled');
    if (commission !== null && commission.status !== 'cancelled') {
      change(commission, 'cancelled', { status: 'cancelled' });
    }
  }
  return 'done';
}

/** `shopId` is set for a shop's refund. */
export function refundLine(
  state: ModelState,
  line: ModelLine,
  { amount, shopId }: { amount: bigint; shopId: string | null },
): string {
  if (amount <= 0n) return 'invalid';
  if (shopId !== null && line.lastRefund?.id === shopId) {
    return line.lastRefund.amount === amount ? 'repeated' : 'refund_id_reused';
  }
  if (shopId === null && ['refunded', 'cancelled'].includes(line.status)) return 'refused';
  if (line.refunded + amount > line.amount) return 'refused';
  const isPaid = line.parts.some(({ commission }) => commission?.status === 'paid');
  if (shopId === null && isPaid) return 'refused';
  line.refunded += amount;
  line.refunds.push(amount);
  if (shopId !== null) line.lastRefund = { id: shopId, amount };
  shrink(state, line);
  return 'done';
}

function shrink(state: ModelState, line: ModelLine): void {
  const left = line.amount - line.refunded;
  const shares = allotUnits(
    line.refunded,
    line.parts.map(({ weight }) => weight),
  );
  for (const [index, part] of line.parts.entries()) {
    part.refunded = shares[index] ?? 0n;
    part.history.push('refunded');
    const { commission } = part;
    if (commission === null || commission.status === 'cancelled') continue;
    const due = left === 0n ? 0n : divideRounded(commission.basis * left, commission.basisLeft);
    if (commission.status === 'paid') {
      const taken = commission.amount - due - commission.clawedBack;
      if (taken > 0n) takeBack(state, commission, taken);
    } else if (left === 0n) change(commission, 'refunded', { status: 'cancelled' });
    else change(commission, 'refunded', { amount: due });
  }
  if (line.status === 'cancelled') return;
  if (left === 0n) line.status = 'refunded';
  else if (line.status !== 'pending') line.status = 'partial_refund';
}

function takeBack(state: ModelState, original: ModelCommission, taken: bigint): void {
  original.clawedBack += taken;
  const { partner, currency } = original;
  addCommission(state, { partner, kind: 'clawback', currency, amount: -taken, original });
}

export function clawBack(state: ModelState, original: ModelCommission, amount: bigint | null): string {
  if (original.kind === 'clawback' || original.status !== 'paid') return 'refused';
  const left = original.amount - original.clawedBack;
  if (amount === null && left === 0n) return 'refused';
  const taken = amount ?? left;
  if (taken <= 0n) return 'invalid';
  if (taken > left) return 'refused';
  takeBack(state, original, taken);
  return 'done';
}

export function adjust(commission: ModelCommission, amount: bigint): string {
  if (commission.kind === 'clawback') return 'refused';
  if (!['pending', 'confirmed'].includes(commission.status)) return 'refused';
  if (amount === commission.amount) return 'invalid';
  change(commission, 'adjusted', { amount });
  commission.basis = amount;
  if (commission.line !== null) commission.basisLeft = commission.line.amount - commission.line.refunded;
  return 'done';
}

export type Transition = 'confirm' | 'cancel' | 'hold' | 'release' | 'pay';

const TRANSITIONS: Record<Transition, { from: string[]; done: string; to?: string }> = {
  confirm: { from: ['pending'], done: 'confirmed', to: 'confirmed' },
  cancel: { from: ['pending', 'confirmed'], done: 'cancelled', to: 'cancelled' },
  hold: { from: ['pending'], done: 'held' },
  release: { from: ['pending'], done: 'released' },
  pay: { from: ['confirmed'], done: 'paid', to: 'paid' },
};

export function act(state: ModelState, commission: ModelCommission, action: Transition): string {
  const { from, done, to } = TRANSITIONS[action];
  if (commission.kind === 'clawback' && action !== 'pay') return 'refused';
  if (!from.includes(commission.status)) return 'refused';
  if (action === 'hold' && commission.held) return 'refused';
  if (action === 'release' && !commission.held) return 'refused';
  if (action === 'pay' && state.onPaymentHold.has(commission.partner)) return 'refused';
  if (action === 'hold' || action === 'release') commission.held = action === 'hold';
  if (action === 'pay') commission.paidDay = state.day;
  change(commission, done, to === undefined ? {} : { status: to });
  return 'done';
}

export function confirmDue(state: ModelState): number {
  const due = state.commissions.filter(
    ({ status, held, holdUntil }) =>
      status === 'pending' && !held && holdUntil !== null && holdUntil <= state.day,
  );
  for (const commission of due) change(commission, 'confirmed', { status: 'confirmed' });
  return due.length;
}
