import type { OrderAttribution } from '@tributary/schema/tables';

import { shareAmount } from '../attribution/index.ts';
import type { CommandContext, CommandDeps } from '../context.ts';
import { newId } from '../ids.ts';
import type { NewConversion, NewOrderLine, OrderWrite } from '../statement/new-conversions.ts';
import type { OrderInput, OrderLineInput } from './order-input.ts';
import { priceConversions, type PolicySource, type PricedConversion, type Pricing } from './price.ts';
import type { RecordedOrder } from './read-order.ts';

/** What one statement writes: any number of orders, or further lines of them, each order once. */
export interface OrdersPlan {
  orders: OrderWrite[];
  lines: NewOrderLine[];
  conversions: NewConversion[];
  pricing: Pricing;
}

/** An order as it will be written, and those of its lines that are new. */
export interface PlannedOrder {
  order: OrderWrite;
  lines: readonly OrderLineInput[];
  input: OrderInput;
}

/** The order is there: lines are added to it. */
export function extendOrder(order: RecordedOrder, input: OrderInput): OrderWrite {
  const { id, version, attribution, isNewCustomer, currency } = order;
  const placedAt = input.placedAt.toISOString();
  return {
    id,
    version,
    externalId: input.orderId,
    currency,
    placedAt,
    attribution,
    isNewCustomer,
    customer: null,
  };
}

/** The order is new. */
export function placeOrder(
  input: OrderInput,
  known: { attribution: OrderAttribution; customer: boolean },
): OrderWrite {
  const refHash = input.customerRefHash;
  const isNewCustomer = input.isNewCustomer ?? !known.customer;
  return {
    id: newId(),
    version: null,
    externalId: input.orderId,
    currency: input.currency,
    placedAt: input.placedAt.toISOString(),
    attribution: known.attribution,
    isNewCustomer,
    customer:
      refHash === null
        ? null
        : { id: newId(), refHash, mustBeNew: input.isNewCustomer === undefined && isNewCustomer },
  };
}

/** Shares the lines out to who is credited, and prices those of confirmed orders, one after the other. */
export async function planOrders(
  deps: CommandDeps & { policies: PolicySource },
  context: CommandContext,
  planned: readonly PlannedOrder[],
): Promise<OrdersPlan> {
  const plan: OrdersPlan = { orders: [], lines: [], conversions: [], pricing: noPricing() };
  const priced: PricedConversion[] = [];
  for (const { order, lines, input } of planned) {
    plan.orders.push(order);
    for (const posted of lines) {
      const line = { id: newId(), orderRowId: order.id, ...posted };
      plan.lines.push(line);
      for (const credited of creditLine(order, line, input)) {
        plan.conversions.push(credited.conversion);
        if (input.confirmed) priced.push(credited.priced);
      }
    }
  }
  if (priced.length === 0) return plan;
  const { programId, now } = context;
  plan.pricing = await priceConversions(deps, { programId, now, conversions: priced });
  for (const conversion of plan.conversions) {
    conversion.noCommissionReason = plan.pricing.withoutCommission.get(conversion.id) ?? null;
  }
  return plan;
}

const noPricing = (): Pricing => ({ commissions: [], uses: [], withoutCommission: new Map() });

function creditLine(
  order: OrderWrite,
  line: NewOrderLine,
  input: OrderInput,
): { conversion: NewConversion; priced: PricedConversion }[] {
  const { attribution, currency, externalId } = order;
  const { credits, model, path } = attribution;
  if (credits.length === 0) return [];
  const shares = shareAmount(line.commissionableAmount, currency, credits);
  return credits.map((credit, index) => {
    const id = newId();
    const { partnerId, clickId, referralCode, subId, clickedAt, isPrimary, weight } = credit;
    const attributedAmount = shares[index] ?? '0.00';
    const { productId, quantity } = line;
    const conversion: NewConversion = {
      id,
      orderRowId: order.id,
      orderLineId: line.id,
      partnerId,
      productId,
      clickId,
      referralCode,
      subId,
      model,
      weight,
      path,
      isPrimary,
      orderAmount: line.amount,
      attributedAmount,
      quantity,
      status: input.confirmed ? 'confirmed' : 'pending',
      noCommissionReason: null,
      clickedAt,
      idempotencyKey: `${externalId}:${productId}:${partnerId}`,
      metadata: input.metadata,
    };
    const priced: PricedConversion = {
      id,
      commissionId: newId(),
      partnerId,
      productId,
      orderId: externalId,
      referralCode,
      subId,
      currency,
      lineAmount: line.amount,
      lineLeft: line.amount,
      commissionableAmount: line.commissionableAmount,
      attributedAmount,
      weight,
      quantity,
      isNewCustomer: order.isNewCustomer,
    };
    return { conversion, priced };
  });
}
