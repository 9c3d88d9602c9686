import {
  cancelConversion,
  changeCommission,
  clawBackCommission,
  type CommissionCommand,
  confirmConversion,
  refundConversion,
} from '@tributary/commissions';

import type { OrderAction } from './plan.ts';
import type { Step } from './plan-actions.ts';
import { mustBe, operatorContext, type Scene, shopContext } from './scene.ts';

/** The row of an order's first line that an action is about. */
export interface Target {
  readonly conversionId: string;
  readonly commissionId: string | null;
  readonly commissionAmount: string | null;
}

/** Names an action in the audit trail, and lets one that was taken be known again. */
export const requestIdOf = ({ order, step }: OrderAction): string =>
  `demo-${order.id}-${step.do.replaceAll(' ', '-')}`;

const inCents = (amount: number): number => Math.round(amount * 100) / 100;

function commissionOf(target: Target, { order, step }: OrderAction): { id: string; amount: number } {
  const { commissionId: id, commissionAmount } = target;
  if (id === null) throw new Error(`demonstration: order ${order.id} has no commission to ${step.do}`);
  return { id, amount: Number(commissionAmount) };
}

type Change = Extract<Step, { do: 'adjust' | 'hold' | 'release' | 'confirm' | 'cancel' }>;

function commandOf(step: Change, amount: number): CommissionCommand {
  const { reason, reasonCode } = step;
  if (step.do === 'adjust') {
    return { action: 'adjust', newAmount: inCents(amount * step.factor), reason, reasonCode };
  }
  return { action: step.do, reason, reasonCode };
}

/** Does with the product's own commands what the plan says. */
export async function takeAction(scene: Scene, target: Target, action: OrderAction): Promise<void> {
  const { deps } = scene;
  const { at, order, step } = action;
  const requestId = requestIdOf(action);
  const byShop = shopContext(scene, at, requestId);
  const byOperator = operatorContext(scene, at, requestId);
  const { conversionId } = target;
  const done = (result: { outcome: string }): void => mustBe(requestId, result, 'done');
  switch (step.do) {
    case 'confirm conversion':
      return done(await confirmConversion(deps, byShop, { conversionId }));
    case 'cancel conversion': {
      const { reason, reasonCode } = step;
      return done(await cancelConversion(deps, byShop, { conversionId, reason, reasonCode }));
    }
    case 'refund': {
      const { reason, reasonCode, share, by } = step;
      const amount = Math.round(order.lines[0].amount * share) / 100;
      const shopRefundId = by === 'shop' ? `RF-${order.id}` : undefined;
      const input = { conversionId, amount, shopRefundId, reason, reasonCode };
      return done(await refundConversion(deps, by === 'shop' ? byShop : byOperator, input));
    }
    case 'claw back': {
      const { id, amount } = commissionOf(target, action);
      const { reason, reasonCode, share } = step;
      const input = { commissionId: id, amount: inCents(amount * share), reason, reasonCode };
      return done(await clawBackCommission(deps, byOperator, input));
    }
    case 'adjust':
    case 'hold':
    case 'release':
    case 'confirm':
    case 'cancel': {
      const { id, amount } = commissionOf(target, action);
      const command = commandOf(step, amount);
      return done(await changeCommission(deps, byOperator, { commissionId: id, command }));
    }
  }
}
