import { currencyDecimals, type ConversionStatus, type ReasonCode } from '@tributary/schema';

import type { Line, LineCommission, LineConversion } from '../conversions/read-line.ts';
import {
  addMoney,
  allot,
  compareMoney,
  money,
  proportion,
  subtractMoney,
  ZERO_MONEY,
  type Money,
} from '../money/index.ts';
import type { ClawedBack } from '../statement/claw-back.ts';
import type { CommissionChange } from '../statement/commission-changes.ts';
import type { ConversionChange } from '../statement/conversion-changes.ts';

export type RefundRefusal = 'CONVERSION_ENDED' | 'COMMISSION_ALREADY_PAID' | 'REFUND_EXCEEDS_REMAINING';

/** What a refund does to a line: every credited partner's row and commission shrinks by its weight. */
export interface RefundPlan {
  outcome: 'refund';
  conversions: ConversionChange[];
  commissions: CommissionChange[];
  /** Of paid commissions; only a shop's refund claws back. */
  clawBacks: (ClawedBack & { conversion: LineConversion; policy: LineCommission['policy'] })[];
}

export type RefundDecision =
  | RefundPlan
  | {
      outcome: 'refused';
      code: RefundRefusal;
      detail: string;
      status: ConversionStatus;
      allowed: readonly ConversionStatus[];
    };

export interface RefundRequest {
  amount: Money;
  reason: string;
  reasonCode?: ReasonCode | undefined;
  refundRowId: string;
  /** Set for a shop's refund: a fact, recorded whatever has been paid. */
  shopRefundId?: string | undefined;
}

const REFUNDABLE: readonly ConversionStatus[] = ['pending', 'confirmed', 'partial_refund'];

/** Decides a refund of a line as it was read. Totals are computed anew and the difference booked, never rounded parts added. */
export function decideRefund(line: Line, asked: LineConversion, request: RefundRequest): RefundDecision {
  const refuse = (code: RefundRefusal, detail: string): RefundDecision => ({
    outcome: 'refused',
    code,
    detail,
    status: asked.status,
    allowed: REFUNDABLE,
  });
  const fromShop = request.shopRefundId !== undefined;
  if (!fromShop && !REFUNDABLE.includes(asked.status)) {
    const detail = `The conversion is ${asked.status}; to be refunded it must be ${REFUNDABLE.join(', ')}.`;
    return refuse('CONVERSION_ENDED', detail);
  }
  const left = subtractMoney(line.amount, line.refundedAmount);
  if (compareMoney(request.amount, left) > 0) {
    return refuse('REFUND_EXCEEDS_REMAINING', `Only ${left} ${line.currency} of the line is left to refund.`);
  }
  const paid = line.conversions.find(({ commission }) => commission?.status === 'paid');
  if (!fromShop && paid !== undefined) {
    const detail = `Commission ${paid.commission?.id ?? ''} is paid and never changes; claw it back instead.`;
    return refuse('COMMISSION_ALREADY_PAID', detail);
  }
  return planRefund(line, request, addMoney(line.refundedAmount, request.amount));
}

function planRefund(line: Line, request: RefundRequest, refunded: Money): RefundPlan {
  const left = subtractMoney(line.amount, refunded);
  const decimals = currencyDecimals(line.currency);
  const weights = line.conversions.map(({ weight }) => weight);
  const shares = allot(refunded, weights, decimals).map((share) => money(share, line.currency));
  const plan: RefundPlan = { outcome: 'refund', conversions: [], commissions: [], clawBacks: [] };
  for (const [index, conversion] of line.conversions.entries()) {
    const share = shares[index] ?? ZERO_MONEY;
    const why = reasonOf(request, subtractMoney(share, conversion.refundedAmount));
    plan.conversions.push({
      id: conversion.id,
      version: conversion.version,
      action: 'refunded',
      status: statusAfter(conversion.status, left),
      refundedAmount: share,
      ...why,
    });
    const { commission } = conversion;
    if (commission === null || commission.status === 'cancelled') continue;
    if (commission.status === 'paid') {
      const amount = amountToClawBack(commission, left, line.currency);
      if (compareMoney(amount, ZERO_MONEY) > 0) {
        const { id: commissionId, clawedBackAmount: clawedBackBefore, policy } = commission;
        plan.clawBacks.push({ commissionId, amount, clawedBackBefore, conversion, policy });
      }
      continue;
    }
    const change: CommissionChange = {
      id: commission.id,
      version: commission.version,
      action: 'refunded',
      refundId: request.refundRowId,
      ...why,
    };
    if (isZero(left)) change.status = 'cancelled';
    else change.amount = proportion(commission.basisAmount, left, commission.basisLeft, line.currency);
    plan.commissions.push(change);
  }
  return plan;
}

/** What has become too much of a paid commission: the total due by now, less what was clawed back before. */
function amountToClawBack(commission: LineCommission, left: Money, currency: string): Money {
  const earned = isZero(left)
    ? ZERO_MONEY
    : proportion(commission.basisAmount, left, commission.basisLeft, currency);
  return subtractMoney(subtractMoney(commission.amount, earned), commission.clawedBackAmount);
}

function statusAfter(status: ConversionStatus, left: Money): ConversionStatus {
  if (status === 'cancelled') return status;
  if (isZero(left)) return 'refunded';
  return status === 'pending' ? 'pending' : 'partial_refund';
}

function reasonOf(request: RefundRequest, refundAmount: Money) {
  return {
    reason: request.reason,
    ...(request.reasonCode === undefined ? {} : { reasonCode: request.reasonCode }),
    ...(request.shopRefundId === undefined ? {} : { shopRefundId: request.shopRefundId }),
    refundAmount,
  };
}

const isZero = (amount: Money): boolean => compareMoney(amount, ZERO_MONEY) === 0;
