import * as fc from 'fast-check';

import type { Transition } from './rules.ts';
import { PARTNERS, type Currency, type Model } from './state.ts';

/** What one actor may do in a programme. Lines and commissions are picked by number, whatever there are by then. */
export type Action =
  | {
      do: 'record';
      model: Model;
      touches: number[];
      currency: Currency;
      confirmed: boolean;
      lines: { amount: number; commissionablePercent: number }[];
    }
  | { do: 'settle'; how: 'confirm' | 'cancel'; line: number }
  | { do: 'refund'; line: number; percent: number; from: 'operator' | 'shop' | 'shop again' }
  | { do: 'adjust'; commission: number; amount: number }
  | { do: 'act'; transition: Transition; commission: number }
  | { do: 'claw back'; commission: number; percent: number | null }
  | { do: 'bonus'; partner: number; currency: Currency; amount: number }
  | { do: 'payment hold'; partner: number };

/** What may happen: one action, several by as many actors at once, or the batch of the night. */
export type Operation =
  | Action
  | { do: 'at once'; actions: Action[] }
  | { do: 'confirm due'; afterDays: number };

/** Few, so that much happens to each. */
const pick = fc.nat({ max: 5 });
const partner = fc.nat({ max: PARTNERS - 1 });
const currency = fc.constantFrom<Currency>('USD', 'KRW');
/** In minor units; small ones are where rounding shows. */
const amount = fc.oneof(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 100, max: 9_999_999 }));
const percent = fc.constantFrom(0, 1, 7, 10, 10, 33, 33, 50, 100, 101);

const recordOperation = fc.record({
  do: fc.constant('record' as const),
  model: fc.constantFrom<Model>('last_touch', 'linear', 'position_based'),
  touches: fc.array(partner, { minLength: 1, maxLength: 6 }),
  currency,
  confirmed: fc.constantFrom(true, true, false),
  lines: fc.array(fc.record({ amount, commissionablePercent: fc.constantFrom(100, 100, 83, 50, 0) }), {
    minLength: 1,
    maxLength: 2,
  }),
});

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: recordOperation },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      how: fc.constantFrom('confirm' as const, 'confirm' as const, 'confirm' as const, 'cancel' as const),
      line: pick,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('refund' as const),
      line: pick,
      percent,
      from: fc.constantFrom('operator' as const, 'shop' as const, 'shop' as const, 'shop again' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('adjust' as const),
      commission: pick,
      amount: fc.nat({ max: 99_999 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('act' as const),
      transition: fc.constantFrom<Transition>('confirm', 'pay', 'pay', 'cancel', 'hold', 'hold', 'release'),
      commission: pick,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('claw back' as const),
      commission: pick,
      percent: fc.option(percent, { freq: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('bonus' as const), partner, currency, amount }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('payment hold' as const), partner }) },
);

/** On few rows, or they would not meet. */
const atOnce = fc
  .record({
    actions: fc.array(action, { minLength: 2, maxLength: 4 }),
    on: pick,
    meet: fc.constantFrom(true, true, false),
  })
  .map(({ actions, on, meet }): Operation => {
    const met = (one: Action): Action => {
      if ('commission' in one) return { ...one, commission: on };
      return 'line' in one ? { ...one, line: on } : one;
    };
    return { do: 'at once', actions: meet ? actions.map(met) : actions };
  });

const confirmDue = fc.record({
  do: fc.constant('confirm due' as const),
  afterDays: fc.constantFrom(0, 1, 4, 8),
});

/** What is paid has most of the rules: without a short cut few sequences come that far. */
const payOut = pick.map((commission): Operation[] => [
  { do: 'act', transition: 'confirm', commission },
  { do: 'act', transition: 'pay', commission },
]);

export const operations = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: action.map((one): Operation[] => [one]) },
      { weight: 2, arbitrary: confirmDue.map((one): Operation[] => [one]) },
      { weight: 5, arbitrary: atOnce.map((one) => [one]) },
      { weight: 4, arbitrary: payOut },
    ),
    { minLength: 20, maxLength: 60, size: 'max' },
  )
  .map((steps) => steps.flat());
