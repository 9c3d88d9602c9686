import type { ReasonCode } from '@tributary/schema';

import type { Random } from '../random.ts';
import { DAYS, dayOf, officeHour } from './calendar.ts';
import type { PlannedOrder } from './plan-orders.ts';

/** What is done to the commission or conversion of an order's first line. */
export type Step =
  | { readonly do: 'confirm conversion' }
  | { readonly do: 'cancel conversion'; readonly reason: string; readonly reasonCode: ReasonCode }
  | {
      readonly do: 'adjust';
      readonly factor: number;
      readonly reason: string;
      readonly reasonCode: ReasonCode;
    }
  | {
      readonly do: 'hold' | 'release' | 'confirm' | 'cancel';
      readonly reason: string;
      readonly reasonCode: ReasonCode;
    }
  | {
      readonly do: 'refund';
      /** Of the line; 1 is all of it. */
      readonly share: number;
      readonly by: 'shop' | 'operator';
      readonly reason: string;
      readonly reasonCode: ReasonCode;
    }
  | {
      readonly do: 'claw back';
      readonly share: number;
      readonly reason: string;
      readonly reasonCode: ReasonCode;
    };

export interface PlannedAction {
  readonly at: Date;
  readonly order: PlannedOrder;
  readonly step: Step;
}

/** What became of an order: whether the shop posted it as confirmed, and everything that was done to it later. */
export interface Fate {
  readonly confirmed: boolean;
  readonly actions: readonly PlannedAction[];
}

/** The first day on which monthly payments are made, and the one on which what came since is paid. */
export const PAYMENT_DAYS: readonly number[] = [26, 54];

/** What was ordered by then is paid on the first payment day, whichever policy's hold it waited for. */
const SURELY_PAID_BEFORE_DAY = 10;
/** Every hold is longer: until then a commission is pending. */
const WITHIN_HOLD_DAYS = 4;

interface Moments {
  readonly random: Random;
  readonly firstDay: Date;
  readonly order: PlannedOrder;
}

function after({ random, firstDay, order }: Moments, days: number, step: Step): PlannedAction[] {
  const day = dayOf(firstDay, order.at) + days;
  return day < DAYS ? [{ at: officeHour(random, firstDay, day), order, step }] : [];
}

const soon = ({ random }: Moments): number => random.int(1, WITHIN_HOLD_DAYS);

function refund(moments: Moments, index: number): PlannedAction[] {
  const { random } = moments;
  const share = random.chance(0.6) ? 1 : random.int(3, 6) / 10;
  // Operators enter what they hear of at once; a shop's refund comes when the parcel is back, even after payment.
  const by = index % 3 === 0 ? 'operator' : 'shop';
  const reason = share === 1 ? 'The parcel came back' : 'One item of the order came back';
  const days = by === 'operator' ? soon(moments) : random.int(2, 14);
  return after(moments, days, { do: 'refund', share, by, reason, reasonCode: 'order_returned' });
}

function adjust(moments: Moments): PlannedAction[] {
  const [factor, reason, reasonCode] = moments.random.pick([
    [1.15, 'Agreed for the spring campaign', 'negotiated'],
    [0.8, 'The basket held a gift card', 'policy_violation'],
    [1.05, 'Thanks for the patience with a broken link', 'goodwill'],
  ] as const);
  return after(moments, soon(moments), { do: 'adjust', factor, reason, reasonCode });
}

function review(moments: Moments): PlannedAction[] {
  const held = after(moments, 1, { do: 'hold', reason: 'Five orders from one address', reasonCode: 'fraud' });
  const released = moments.random.chance(0.5)
    ? after(moments, WITHIN_HOLD_DAYS, {
        do: 'release',
        reason: 'A sports club, all genuine',
        reasonCode: 'other',
      })
    : [];
  return [...held, ...released];
}

function settleLater(moments: Moments): PlannedAction[] {
  const chance = moments.random.next();
  if (chance < 0.2) return [];
  const step: Step =
    chance < 0.35
      ? { do: 'cancel conversion', reason: 'Payment of the order failed', reasonCode: 'order_cancelled' }
      : { do: 'confirm conversion' };
  return after(moments, soon(moments), step);
}

function afterPayment(moments: Moments, index: number): PlannedAction[] {
  const { random, firstDay, order } = moments;
  const at = officeHour(random, firstDay, random.int(30, 45));
  if (index % 13 === 5) {
    const reason = 'Returned within the ninety days of the guarantee';
    const share = random.chance(0.5) ? 1 : 0.5;
    return [{ at, order, step: { do: 'refund', share, by: 'shop', reason, reasonCode: 'order_returned' } }];
  }
  if (index % 29 !== 8) return [];
  const reason = 'The order turned out to be a reseller’s';
  return [{ at, order, step: { do: 'claw back', share: 0.5, reason, reasonCode: 'policy_violation' } }];
}

/** Decides by its place among its partner's orders, not by chance, so that a partner's refund rate is what it is meant to be. */
export function planFate(random: Random, firstDay: Date, order: PlannedOrder, index: number): Fate {
  const moments: Moments = { random, firstDay, order };
  const { refundEvery } = order.partner;
  const settled = (actions: readonly PlannedAction[]): Fate => ({ confirmed: true, actions });
  if (index % refundEvery === refundEvery >> 1) return settled(refund(moments, index));
  if (index % 12 === 5) return { confirmed: false, actions: settleLater(moments) };
  if (index % 37 === 11) return settled(adjust(moments));
  if (index % 29 === 3) return settled(review(moments));
  if (index % 61 === 20) {
    const reason = 'Own purchase of the partner';
    return settled(after(moments, soon(moments), { do: 'cancel', reason, reasonCode: 'policy_violation' }));
  }
  if (index % 53 === 30) {
    const reason = 'Confirmed early at the partner’s request';
    return settled(after(moments, soon(moments), { do: 'confirm', reason, reasonCode: 'goodwill' }));
  }
  const paid = dayOf(firstDay, order.at) < SURELY_PAID_BEFORE_DAY;
  return settled(paid ? afterPayment(moments, index) : []);
}
