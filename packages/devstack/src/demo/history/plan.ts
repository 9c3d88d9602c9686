import { PARTNER_CHANGES, type PartnerChange, PARTNERS } from '../catalogue/partners.ts';
import { createRandom, type Random } from '../random.ts';
import { DAYS, dayOf, momentOf } from './calendar.ts';
import { type Fate, PAYMENT_DAYS, type PlannedAction, planFate } from './plan-actions.ts';
import { planJourney, type PlannedClick, planVisits } from './plan-clicks.ts';
import { type PlannedOrder, planOrders } from './plan-orders.ts';

/** An order with its number, the clicks that led to it, and what the shop said of it. */
export interface NumberedOrder extends PlannedOrder {
  /** The shop's order id; numbers rise with time. */
  readonly id: string;
  readonly journey: readonly PlannedClick[];
  readonly confirmed: boolean;
}

/** An action on an order that has its number by now. */
export interface OrderAction extends Omit<PlannedAction, 'order'> {
  readonly order: NumberedOrder;
}

export interface PlannedBonus {
  readonly at: Date;
  readonly partnerCode: string;
  readonly amount: number;
  readonly reason: string;
}

/** All that happens on one day (UTC). */
export interface DayPlan {
  readonly day: number;
  readonly midnight: Date;
  readonly partnerChanges: readonly PartnerChange[];
  readonly clicks: readonly PlannedClick[];
  readonly orders: readonly NumberedOrder[];
  readonly actions: readonly OrderAction[];
  readonly bonuses: readonly PlannedBonus[];
  readonly payments: boolean;
}

/** Any other number makes another programme. */
const SEED = 20_250_401;
const FIRST_ORDER_NUMBER = 40_001;

const BONUSES = [
  { day: 18, partnerCode: 'ALPINE', amount: 250, reason: 'Best gear guide of the month' },
  { day: 33, partnerCode: 'NORTHWIND', amount: 400, reason: 'Reached its quarterly target' },
  { day: 47, partnerCode: 'FAMILYOUT', amount: 75, reason: 'Underpaid in the last payment' },
  { day: 57, partnerCode: 'HARBOUR', amount: 300, reason: 'Trade fair in person' },
] as const;

interface Story {
  readonly order: PlannedOrder;
  readonly journey: readonly PlannedClick[];
  readonly fate: Fate;
}

function planStories(random: Random, firstDay: Date, index: number): Story[] {
  const partner = PARTNERS[index];
  if (partner === undefined) return [];
  return planOrders(random, firstDay, partner).map((order, place) => ({
    order,
    journey: planJourney(random, firstDay, order),
    fate: planFate(random, firstDay, order, place),
  }));
}

function numberOrder({ order, journey, fate }: Story, index: number): NumberedOrder {
  return { ...order, id: `SO-${FIRST_ORDER_NUMBER + index}`, journey, confirmed: fate.confirmed };
}

function inDays<T extends { readonly at: Date }>(firstDay: Date, items: readonly T[]): T[][] {
  const days: T[][] = Array.from({ length: DAYS }, () => []);
  for (const item of items.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
    days[dayOf(firstDay, item.at)]?.push(item);
  }
  return days;
}

/** Sixty days from `firstDay` (midnight, UTC): always the same for the same day. */
export function planHistory(firstDay: Date): DayPlan[] {
  const stories: Story[] = [];
  const clicks: PlannedClick[] = [];
  for (const [index, partner] of PARTNERS.entries()) {
    // Each partner has chance of its own: a change of one leaves the others as they were.
    const random = createRandom(SEED + index);
    stories.push(...planStories(random, firstDay, index));
    clicks.push(...planVisits(random, firstDay, partner));
  }
  stories.sort((a, b) => a.order.at.getTime() - b.order.at.getTime());
  const orders = stories.map(numberOrder);
  const actions = stories.flatMap(({ fate }, index) => {
    const order = orders[index];
    return order === undefined ? [] : fate.actions.map(({ at, step }) => ({ at, step, order }));
  });
  clicks.push(...orders.flatMap(({ journey }) => journey));
  const bonuses = BONUSES.map(({ day, ...bonus }) => ({ ...bonus, at: momentOf(firstDay, day, 11) }));
  const daily = {
    clicks: inDays(firstDay, clicks),
    orders: inDays(firstDay, orders),
    actions: inDays(firstDay, actions),
    bonuses: inDays(firstDay, bonuses),
  };
  return Array.from({ length: DAYS }, (_, day) => ({
    day,
    midnight: momentOf(firstDay, day),
    partnerChanges: PARTNER_CHANGES.filter((change) => change.day === day),
    clicks: daily.clicks[day] ?? [],
    orders: daily.orders[day] ?? [],
    actions: daily.actions[day] ?? [],
    bonuses: daily.bonuses[day] ?? [],
    payments: PAYMENT_DAYS.includes(day),
  }));
}
