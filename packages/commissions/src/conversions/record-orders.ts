import { sqlState } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';

import type { CommandContext, CommandDeps } from '../context.ts';
import { compareWithOrder, type OrderConflict } from './compare-order.ts';
import { readCustomersOfSet } from './customers-of-set.ts';
import type { OrderInput } from './order-input.ts';
import { extendOrder, placeOrder, planOrders, type PlannedOrder } from './plan-orders.ts';
import type { PolicySource } from './price.ts';
import { findOrders } from './read-order.ts';
import { writeOrders } from './write-orders.ts';

/**
 * Who is credited for an order, or why that cannot be said. `byCustomer`: the clicks that led to its customer's earlier orders
 * were looked for.
 */
export type Attributed<Fault> = { attribution: OrderAttribution; byCustomer: boolean } | { fault: Fault };

/** `apart`: it could not be recorded together with others, and is to be posted by itself, after those before it. */
export type OrderOfSetOutcome<Fault> =
  | { outcome: 'recorded' | 'repeated' | 'apart' }
  | { outcome: 'unattributed'; fault: Fault }
  | OrderConflict;

export interface OrderSet<Input extends OrderInput, Fault> {
  inputs: readonly Input[];
  /** Asked for those orders that are new. */
  attribute: (inputs: readonly Input[], settingsRevision: string) => Promise<Attributed<Fault>[]>;
}

type Deps = CommandDeps & { policies: PolicySource };

/**
 * Records many orders by the rules of `recordConversion` in one statement, as if one after the other; no order may come twice.
 * What one of them spoils for all (something it was decided upon has changed, the database refuses it) is found by halving: it
 * is left to be posted by itself, and with it what comes of its customer later.
 */
export async function recordOrders<Input extends OrderInput, Fault>(
  deps: Deps,
  context: CommandContext,
  set: OrderSet<Input, Fault>,
): Promise<OrderOfSetOutcome<Fault>[]> {
  return recordInTurn(deps, context, set, new Set());
}

/** @param waiting customers of whom an order was left apart; added to */
async function recordInTurn<Input extends OrderInput, Fault>(
  deps: Deps,
  context: CommandContext,
  { inputs, attribute }: OrderSet<Input, Fault>,
  waiting: Set<string>,
): Promise<OrderOfSetOutcome<Fault>[]> {
  const outcomes = await recordTogether(deps, context, { inputs, attribute }, waiting);
  const spoiled = outcomes === undefined && inputs.length === 1;
  const known = spoiled ? [{ outcome: 'apart' } as const] : outcomes;
  if (known !== undefined) {
    for (const [index, { customerRefHash }] of inputs.entries()) {
      if (known[index]?.outcome === 'apart' && customerRefHash !== null) waiting.add(customerRefHash);
    }
    return known;
  }
  deps.policies.forget(context.programId);
  const half = Math.ceil(inputs.length / 2);
  return [
    ...(await recordInTurn(deps, context, { inputs: inputs.slice(0, half), attribute }, waiting)),
    ...(await recordInTurn(deps, context, { inputs: inputs.slice(half), attribute }, waiting)),
  ];
}

/** @returns undefined where the statement failed: nothing was written */
async function recordTogether<Input extends OrderInput, Fault>(
  deps: Deps,
  context: CommandContext,
  { inputs, attribute }: OrderSet<Input, Fault>,
  waiting: ReadonlySet<string>,
): Promise<OrderOfSetOutcome<Fault>[] | undefined> {
  const { programId } = context;
  const ids = inputs.map(({ orderId }) => orderId);
  const { known, settingsRevision } = await findOrders(deps.db, programId, ids);
  const fresh = inputs.filter(({ orderId }) => !known.has(orderId));
  const credited = fresh.length === 0 ? [] : await attribute(fresh, settingsRevision);
  const attributed = new Map(fresh.map((input, index) => [input, credited[index]]));
  const customers = await readCustomersOfSet(deps.db, programId, attributed, waiting);
  const planned: PlannedOrder[] = [];
  const outcomes = inputs.map((input): OrderOfSetOutcome<Fault> => {
    const order = known.get(input.orderId);
    const compared = compareWithOrder(order, input);
    if (compared.outcome === 'conflict') return compared;
    if (compared.outcome === 'repeated') return { outcome: 'repeated' };
    const lines = compared.newLines;
    if (order !== undefined) planned.push({ order: extendOrder(order, input), lines, input });
    else {
      const credits = attributed.get(input);
      if (credits === undefined) throw new Error('a new order was not attributed');
      if ('fault' in credits) return { outcome: 'unattributed', fault: credits.fault };
      if (customers.mustWait(input, credits)) return { outcome: 'apart' };
      const { attribution } = credits;
      planned.push({
        order: placeOrder(input, { attribution, customer: customers.isKnown(input) }),
        lines,
        input,
      });
      customers.notePlaced(input, credits);
    }
    return { outcome: 'recorded' };
  });
  return (await writeAll(deps, context, planned)) ? outcomes : undefined;
}

async function writeAll(
  deps: Deps,
  context: CommandContext,
  planned: readonly PlannedOrder[],
): Promise<boolean> {
  if (planned.length === 0) return true;
  const plan = await planOrders(deps, context, planned);
  try {
    return await writeOrders(deps, context, plan);
  } catch (error) {
    if (isFaultOfOne(error)) return false;
    throw error;
  }
}

/** Values and rows that the database refuses (22, 23, 21 of two that are one), and rows that somebody holds locked. */
function isFaultOfOne(error: unknown): boolean {
  const state = sqlState(error) ?? '';
  return /^2[123]/.test(state) || state === '55P03';
}
