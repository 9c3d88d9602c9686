import { compareMoney } from '../money/index.ts';
import type { OrderInput, OrderLineInput } from './order-input.ts';
import type { RecordedOrder } from './read-order.ts';

/** The order is known, and contradicts what is posted now. */
export interface OrderConflict {
  outcome: 'conflict';
  field: 'currency' | 'amount';
  detail: string;
}

/** `lineIds`: the lines that are recorded already. */
export type Comparison =
  | OrderConflict
  | { outcome: 'repeated'; lineIds: string[] }
  | { outcome: 'new'; newLines: OrderLineInput[]; lineIds: string[] };

/** What of a posted order is new, beside the order as it was recorded. */
export function compareWithOrder(order: RecordedOrder | undefined, input: OrderInput): Comparison {
  if (order === undefined) return { outcome: 'new', newLines: [...input.lines], lineIds: [] };
  if (order.currency !== input.currency) {
    const detail = `Order ${input.orderId} was recorded in ${order.currency}, not in ${input.currency}.`;
    return { outcome: 'conflict', field: 'currency', detail };
  }
  const byProduct = new Map(order.lines.map((line) => [line.productId, line]));
  const newLines: OrderLineInput[] = [];
  const lineIds: string[] = [];
  for (const line of input.lines) {
    const recorded = byProduct.get(line.productId);
    if (recorded === undefined) newLines.push(line);
    else if (compareMoney(recorded.amount, line.amount) === 0) lineIds.push(recorded.id);
    else {
      const detail = `Order ${input.orderId} has this product recorded with ${recorded.amount}, not with ${line.amount}.`;
      return { outcome: 'conflict', field: 'amount', detail };
    }
  }
  return newLines.length === 0 ? { outcome: 'repeated', lineIds } : { outcome: 'new', newLines, lineIds };
}
