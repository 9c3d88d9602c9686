import type { CommandContext, CommandDeps } from '../context.ts';
import {
  recordConversion,
  type OrderLineInput,
  type RecordConversionOutcome,
} from '../conversions/record-conversion.ts';
import { money } from '../money/index.ts';
import { attributeOrder, type AttributionDeps } from './attribute-order.ts';
import type { KnownProduct, OrderCatalogue } from './catalogue.ts';
import { OrderFaultsError, type OrderFault, type PostedOrder, type PostedOrderLine } from './posted-order.ts';

export type PostOrderDeps = CommandDeps & AttributionDeps & { readonly catalog: OrderCatalogue };

export type PostOrderOutcome =
  | RecordConversionOutcome
  | { readonly outcome: 'invalid'; readonly faults: readonly OrderFault[] };

/**
 * Records an order as a shop sent it: looks up its products, and, only when the order is new, decides who is credited by what it
 * names (click, code, session, customer). A repetition answers the first, whatever it names.
 */
export async function postOrder(
  deps: PostOrderDeps,
  context: CommandContext,
  order: PostedOrder,
): Promise<PostOrderOutcome> {
  try {
    const lines = await resolveLines(deps.catalog, context.programId, order);
    const { orderId, currency, isNewCustomer, confirmed, metadata, customerRefHash = null } = order;
    return await recordConversion({ ...deps, policies: deps.catalog.policies }, context, {
      orderId,
      currency,
      placedAt: new Date(order.placedAt),
      customerRefHash,
      isNewCustomer,
      confirmed,
      lines,
      metadata: { ...metadata },
      attribute: () => attributeOrder(deps, context.programId, order),
    });
  } catch (error) {
    if (error instanceof OrderFaultsError) return { outcome: 'invalid', faults: error.faults };
    throw error;
  }
}

async function resolveLines(
  catalog: OrderCatalogue,
  programId: string,
  { lines, currency }: PostedOrder,
): Promise<OrderLineInput[]> {
  const products = await Promise.all(lines.map((line) => findProduct(catalog, programId, line)));
  const faults: OrderFault[] = [];
  const seen = new Set<string>();
  const resolved: OrderLineInput[] = [];
  for (const [index, line] of lines.entries()) {
    const product = products[index];
    const path = `${line.path}${line.sku === undefined ? 'productId' : 'sku'}`;
    if (product === undefined) faults.push({ path, message: 'is not a product of this programme' });
    else if (seen.has(product.id))
      faults.push({ path, message: 'stands in another line of this order already' });
    else {
      seen.add(product.id);
      resolved.push(orderLine(line, product, currency));
    }
  }
  if (faults.length > 0) throw new OrderFaultsError(faults);
  return resolved;
}

async function findProduct(
  catalog: OrderCatalogue,
  programId: string,
  { productId, sku }: PostedOrderLine,
): Promise<KnownProduct | undefined> {
  if (productId !== undefined) return catalog.findProductById(programId, productId);
  return sku === undefined ? undefined : catalog.findProductBySku(programId, sku);
}

function orderLine(line: PostedOrderLine, product: KnownProduct, currency: string): OrderLineInput {
  const { quantity, amount, commissionableAmount } = line;
  return {
    productId: product.id,
    quantity,
    amount: money(amount, currency),
    commissionableAmount: money(commissionableAmount, currency),
  };
}
