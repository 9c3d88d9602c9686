import type { CommissionAction, CommissionStatus, ReasonCode } from '@tributary/schema';

import type { CommandContext } from '../context.ts';
import { compareMoney, parseMoney, toWire } from '../money/index.ts';
import type { CommissionChange } from '../statement/commission-changes.ts';
import type { CommissionSnapshot } from './snapshot.ts';

/** Why something is done; 1-1,000 characters after trimming. */
export interface Reason {
  reason: string;
  reasonCode?: ReasonCode | undefined;
}

export type CommissionCommand =
  | ({ action: 'adjust'; newAmount: number } & Reason)
  /** `unlessHeld`: as the nightly job does, which passes by what is under review; an admin may confirm it. */
  | ({ action: 'confirm'; unlessHeld?: true } & Reason)
  | ({ action: 'cancel' } & Reason)
  | ({ action: 'hold' } & Reason)
  | ({ action: 'release' } & Reason)
  | { action: 'pay'; paymentMethod: string; paymentReference: string };

/** Codes of refusals, as problem documents carry them. */
export type RefusalCode =
  | 'COMMISSION_ALREADY_PAID'
  | 'COMMISSION_ALREADY_CANCELLED'
  | 'COMMISSION_ALREADY_CONFIRMED'
  | 'COMMISSION_NOT_CONFIRMED'
  | 'COMMISSION_ALREADY_HELD'
  | 'COMMISSION_NOT_HELD'
  | 'COMMISSION_IS_CLAWBACK'
  | 'PARTNER_ON_PAYMENT_HOLD';

export type Decision =
  | { outcome: 'change'; change: CommissionChange }
  | {
      outcome: 'refused';
      code: RefusalCode;
      detail: string;
      status: CommissionStatus;
      allowed: readonly CommissionStatus[];
    }
  | { outcome: 'invalid'; field: string; message: string };

/** From which statuses each action may be taken: the lifecycle's table in domain.md. */
export const ALLOWED_FROM = {
  adjust: ['pending', 'confirmed'],
  confirm: ['pending'],
  cancel: ['pending', 'confirmed'],
  hold: ['pending'],
  release: ['pending'],
  pay: ['confirmed'],
} as const satisfies Record<CommissionCommand['action'], readonly CommissionStatus[]>;

const DONE = {
  adjust: 'adjusted',
  confirm: 'confirmed',
  cancel: 'cancelled',
  hold: 'held',
  release: 'released',
  pay: 'paid',
} as const satisfies Record<CommissionCommand['action'], CommissionAction>;

/** Decides what a command does to a commission as it was read. Pure: the statement checks that the row is still that one. */
export function decideCommand(
  commission: CommissionSnapshot,
  command: CommissionCommand,
  context: CommandContext,
): Decision {
  const refusal = refuseCommand(commission, command);
  if (refusal !== undefined) return refusal;
  const base: CommissionChange = {
    id: commission.id,
    version: commission.version,
    action: DONE[command.action],
  };
  if ('reason' in command) {
    base.reason = command.reason;
    if (command.reasonCode !== undefined) base.reasonCode = command.reasonCode;
  }
  switch (command.action) {
    case 'adjust':
      return decideAdjustment(commission, command, context, base);
    case 'confirm':
      return { outcome: 'change', change: { ...base, status: 'confirmed' } };
    case 'cancel': {
      const metadata = { cancelledBy: context.actor.name, cancellationReason: command.reason };
      return { outcome: 'change', change: { ...base, status: 'cancelled', metadata } };
    }
    case 'hold':
      return { outcome: 'change', change: { ...base, reviewHold: true } };
    case 'release':
      return { outcome: 'change', change: { ...base, reviewHold: false } };
    case 'pay': {
      const { paymentMethod, paymentReference } = command;
      return { outcome: 'change', change: { ...base, status: 'paid', paymentMethod, paymentReference } };
    }
  }
}

function decideAdjustment(
  commission: CommissionSnapshot,
  command: { newAmount: number } & Reason,
  context: CommandContext,
  base: CommissionChange,
): Decision {
  const parsed = parseMoney(command.newAmount, commission.currency);
  if (!parsed.ok) return { outcome: 'invalid', field: 'newAmount', message: parsed.message };
  if (command.newAmount < 0)
    return { outcome: 'invalid', field: 'newAmount', message: 'must not be negative' };
  if (compareMoney(parsed.money, commission.commissionAmount) === 0) {
    return { outcome: 'invalid', field: 'newAmount', message: 'must be other than the present amount' };
  }
  const change: CommissionChange = {
    ...base,
    amount: parsed.money,
    basisAmount: parsed.money,
    basisLeft: commission.lineLeft,
    adjustment: {
      oldAmount: toWire(commission.commissionAmount),
      newAmount: toWire(parsed.money),
      reason: command.reason,
      adjustedBy: context.actor.name,
      adjustedAt: context.now.toISOString(),
    },
  };
  return { outcome: 'change', change };
}

function refuseCommand(commission: CommissionSnapshot, command: CommissionCommand): Decision | undefined {
  const { action } = command;
  const allowed: readonly CommissionStatus[] = ALLOWED_FROM[action];
  const refuse = (code: RefusalCode, detail: string): Decision => ({
    outcome: 'refused',
    code,
    detail,
    status: commission.status,
    allowed,
  });
  if (commission.kind === 'clawback' && action !== 'pay') {
    return refuse('COMMISSION_IS_CLAWBACK', `A claw-back can only be paid (set off), not ${DONE[action]}.`);
  }
  if (!allowed.includes(commission.status)) {
    const detail = `The commission is ${commission.status}; to be ${DONE[action]} it must be ${allowed.join(' or ')}.`;
    return refuse(STATUS_CODES[commission.status], detail);
  }
  const passesHeld = command.action === 'confirm' && command.unlessHeld === true;
  if ((action === 'hold' || passesHeld) && commission.reviewHold) {
    return refuse('COMMISSION_ALREADY_HELD', 'The commission is already under review.');
  }
  if (action === 'release' && !commission.reviewHold) {
    return refuse('COMMISSION_NOT_HELD', 'The commission is not under review.');
  }
  if (action === 'pay' && commission.paymentHold) {
    return refuse('PARTNER_ON_PAYMENT_HOLD', 'The partner is on payment hold; nothing is paid to it.');
  }
  return undefined;
}

const STATUS_CODES: Record<CommissionStatus, RefusalCode> = {
  pending: 'COMMISSION_NOT_CONFIRMED',
  confirmed: 'COMMISSION_ALREADY_CONFIRMED',
  paid: 'COMMISSION_ALREADY_PAID',
  cancelled: 'COMMISSION_ALREADY_CANCELLED',
};
