import {
  attributeClicks,
  cancelConversion,
  changeCommission,
  clawBackCommission,
  confirmConversion,
  createBonus,
  newId,
  recordConversion,
  refundConversion,
  type CommandContext,
  type CommissionCommand,
} from '@tributary/commissions';
import { z } from 'zod';

import { bindClawBacks, bindRows, rowSchema } from './bind.ts';
import type { Action } from './operations.ts';
import { contextOf, dateOf, depsOf, stored, wire, type Programme } from './programme.ts';
import * as rules from './rules.ts';
import {
  addCommission,
  type Currency,
  type ModelCommission,
  type ModelLine,
  type ModelState,
} from './state.ts';

/** What a command answered; `rows` is what the model's rows get their ids from. */
interface Answer {
  readonly outcome: string;
  readonly rows?: unknown;
}

/**
 * An action whose target is decided: it may be carried out beside others, and applied to the model in any order afterwards.
 */
export interface Step {
  readonly does: string;
  perform(): Promise<Answer>;
  /** Applies the rules to a model and answers the outcome that they demand; gives new rows the ids of the answer. */
  apply(state: ModelState, answer: Answer): string;
}

const NOTHING: Step = {
  does: 'nothing',
  perform: async () => ({ outcome: 'done' }),
  apply: () => 'done',
};

/** Decides what an action is about; the model is read and left as it is. */
export function prepare(programme: Programme, action: Action, actor: number): Step {
  const context = contextOf(programme, actor);
  const { lines, commissions } = programme.state;
  switch (action.do) {
    case 'record':
      return recordStep(programme, context, action);
    case 'bonus':
      return bonusStep(programme, context, action);
    case 'payment hold':
      return paymentHoldStep(programme, action.partner);
    case 'settle':
    case 'refund': {
      const index = action.line % Math.max(lines.length, 1);
      const line = lines[index];
      if (line === undefined) return NOTHING;
      const target = { programme, context, line, of: (state: ModelState) => at(state.lines, index) };
      return action.do === 'settle' ? settleStep(target, action.how) : refundStep(target, action);
    }
    case 'adjust':
    case 'act':
    case 'claw back': {
      const index = action.commission % Math.max(commissions.length, 1);
      const commission = commissions[index];
      if (commission === undefined) return NOTHING;
      const of = (state: ModelState) => at(state.commissions, index);
      const target = { programme, context, commission, of };
      return action.do === 'claw back' ? clawBackStep(target, action.percent) : changeStep(target, action);
    }
  }
}

function at<Row>(rows: readonly Row[], index: number): Row {
  const row = rows[index];
  if (row === undefined) throw new Error(`the model has no row ${index}`);
  return row;
}

function recordStep(
  programme: Programme,
  context: CommandContext,
  order: Extract<Action, { do: 'record' }>,
): Step {
  const { currency, model, touches, confirmed } = order;
  const lines = order.lines.map((line) => {
    const amount = BigInt(line.amount);
    return { amount, commissionable: (amount * BigInt(line.commissionablePercent)) / 100n };
  });
  programme.orders += 1;
  const orderId = `SO-${programme.orders}`;
  return {
    does: 'record',
    async perform() {
      const recorded = await recordConversion(depsOf(programme), context, {
        orderId,
        currency,
        placedAt: context.now,
        customerRefHash: null,
        confirmed,
        lines: lines.map((line, product) => ({
          productId: programme.products[product] ?? '',
          quantity: 1,
          amount: stored(line.amount, currency),
          commissionableAmount: stored(line.commissionable, currency),
        })),
        metadata: {},
        attribute: async () =>
          attributeClicks(
            model,
            touches.map((partner, index) => ({
              clickId: newId(),
              partnerId: programme.partners[partner] ?? '',
              clickedAt: new Date(dateOf(0).getTime() + index),
              referralCode: 'CODE',
              subId: null,
            })),
          ),
      });
      return { outcome: recorded.outcome, rows: recorded };
    },
    apply(state, { rows }) {
      const added = rules.record(state, { model, touches, currency, confirmed, lines });
      bindRows(programme, added, rows);
      return 'recorded';
    },
  };
}

function bonusStep(
  programme: Programme,
  context: CommandContext,
  bonus: Extract<Action, { do: 'bonus' }>,
): Step {
  const { partner, currency } = bonus;
  const amount = BigInt(bonus.amount);
  return {
    does: 'bonus',
    async perform() {
      const partnerId = programme.partners[partner] ?? '';
      const input = { partnerId, amount: wire(amount, currency), currency, reason: 'thanks' };
      const given = await createBonus(depsOf(programme), context, input);
      return { outcome: given.outcome, rows: given.outcome === 'done' ? JSON.parse(given.commission) : {} };
    },
    apply(state, { rows }) {
      addCommission(state, { partner, kind: 'bonus', currency, amount, id: rowSchema.parse(rows).id });
      return 'done';
    },
  };
}

function paymentHoldStep({ db, programId, partners }: Programme, partner: number): Step {
  return {
    does: 'payment hold',
    async perform() {
      await db.query(
        'UPDATE partners SET payment_hold = NOT payment_hold WHERE program_id = $1 AND id = $2',
        [programId, partners[partner] ?? ''],
      );
      return { outcome: 'done' };
    },
    apply({ onPaymentHold }) {
      if (!onPaymentHold.delete(partner)) onPaymentHold.add(partner);
      return 'done';
    },
  };
}

interface Target<Row> {
  readonly programme: Programme;
  readonly context: CommandContext;
  /** The row in whatever model the step is applied to. */
  readonly of: (state: ModelState) => Row;
}

type LineTarget = Target<ModelLine> & { readonly line: ModelLine };

function settleStep({ programme, context, line, of }: LineTarget, how: 'confirm' | 'cancel'): Step {
  const conversionId = line.parts[0]?.id ?? '';
  return {
    does: `${how} a line`,
    async perform() {
      const deps = depsOf(programme);
      const settled =
        how === 'confirm'
          ? await confirmConversion(deps, context, { conversionId })
          : await cancelConversion(deps, context, { conversionId, reason: 'model' });
      return { outcome: settled.outcome, rows: settled };
    },
    apply(state, { outcome, rows }) {
      const target = of(state);
      const expected = how === 'confirm' ? rules.confirmLine(state, target) : rules.cancelLine(target);
      if (outcome === 'done') bindRows(programme, [target], rows);
      return expected;
    },
  };
}

const refundedRows = z.object({ clawbacks: z.array(rowSchema) });

function refundStep(
  { programme, context, line, of }: LineTarget,
  { percent, from }: Extract<Action, { do: 'refund' }>,
): Step {
  const again = from === 'shop again' ? line.lastRefund : null;
  const amount = again !== null && percent > 33 ? again.amount : (line.amount * BigInt(percent)) / 100n;
  const shopId = from === 'operator' ? null : (again?.id ?? newId());
  const { currency } = line;
  const conversionId = line.parts.at(-1)?.id ?? '';
  return {
    does: `refund by ${from}`,
    async perform() {
      const refunded = await refundConversion(depsOf(programme), context, {
        conversionId,
        amount: wire(amount, currency),
        reason: 'model',
        shopRefundId: shopId ?? undefined,
      });
      const { outcome } = refunded;
      return { outcome, rows: refunded.outcome === 'done' ? JSON.parse(refunded.result) : {} };
    },
    apply(state, { outcome, rows }) {
      const expected = rules.refundLine(state, of(state), { amount, shopId });
      if (outcome === 'done') bindClawBacks(state, refundedRows.parse(rows).clawbacks);
      return expected;
    },
  };
}

type CommissionTarget = Target<ModelCommission> & { readonly commission: ModelCommission };

function clawBackStep(
  { programme, context, commission, of }: CommissionTarget,
  percent: number | null,
): Step {
  const { id, currency } = commission;
  const amount = percent === null ? null : (commission.amount * BigInt(percent)) / 100n;
  return {
    does: 'claw back',
    async perform() {
      const clawed = await clawBackCommission(depsOf(programme), context, {
        commissionId: id,
        amount: amount === null ? undefined : wire(amount, currency),
        reason: 'model',
      });
      return {
        outcome: clawed.outcome,
        rows: clawed.outcome === 'done' ? JSON.parse(clawed.commission) : {},
      };
    },
    apply(state, { outcome, rows }) {
      const expected = rules.clawBack(state, of(state), amount);
      if (outcome === 'done') bindClawBacks(state, [rowSchema.parse(rows)]);
      return expected;
    },
  };
}

type Change = Extract<Action, { do: 'adjust' | 'act' }>;

function changeStep({ programme, context, commission, of }: CommissionTarget, change: Change): Step {
  const { id, currency } = commission;
  return {
    does: change.do === 'adjust' ? 'adjust' : change.transition,
    async perform() {
      const command = commandOf(change, currency);
      const { outcome } = await changeCommission(depsOf(programme), context, { commissionId: id, command });
      return { outcome };
    },
    apply: (state) =>
      change.do === 'adjust'
        ? rules.adjust(of(state), BigInt(change.amount))
        : rules.act(state, of(state), change.transition),
  };
}

function commandOf(change: Change, currency: Currency): CommissionCommand {
  const reason = 'model';
  if (change.do === 'adjust') {
    return { action: 'adjust', newAmount: wire(BigInt(change.amount), currency), reason };
  }
  const { transition } = change;
  return transition === 'pay'
    ? { action: 'pay', paymentMethod: 'bank', paymentReference: 'TX' }
    : { action: transition, reason };
}
