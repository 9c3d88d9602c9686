import type { CommandContext, CommandDeps } from '../context.ts';
import type { OrderConflict } from '../conversions/compare-order.ts';
import type { OrderInput, OrderLineInput } from '../conversions/order-input.ts';
import { recordConversion, type RecordConversionOutcome } from '../conversions/record-conversion.ts';
import { recordOrders } from '../conversions/record-orders.ts';
import { money } from '../money/index.ts';
import { attributeOrder, attributeOrders, type AttributionDeps } from './attribute-order.ts';
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
    const input = await orderInput(deps.catalog, context.programId, order);
    return await recordConversion({ ...deps, policies: deps.catalog.policies }, context, {
      ...input,
      attribute: (settingsRevision) => attributeOrder(deps, context.programId, order, settingsRevision),
    });
  } catch (error) {
    if (error instanceof OrderFaultsError) return { outcome: 'invalid', faults: error.faults };
    throw error;
  }
}

/** What became of an order that was posted with others. `apart`: it wants to be posted by itself. */
export type PostedOfSetOutcome =
  | { readonly outcome: 'recorded' | 'repeated' | 'apart' }
  | OrderConflict
  | { readonly outcome: 'invalid'; readonly faults: readonly OrderFault[] };

/**
 * Records many orders as `postOrder` would one after the other, in a handful of statements. No order may come twice among them.
 * Where one of them is left apart, so are the later ones of its customer that are new: they may depend on it.
 */
export async function postOrders(
  deps: PostOrderDeps,
  context: CommandContext,
  orders: readonly PostedOrder[],
): Promise<PostedOfSetOutcome[]> {
  const { programId } = context;
  const resolved = await Promise.all(
    orders.map((order) =>
      orderInput(deps.catalog, programId, order).catch((error: unknown) => {
        if (error instanceof OrderFaultsError) return { faults: error.faults };
        throw error;
      }),
    ),
  );
  const posted = new Map<OrderInput, PostedOrder>();
  for (const [index, order] of orders.entries()) {
    const input = resolved[index];
    if (input !== undefined && !('faults' in input)) posted.set(input, order);
  }
  const inputs = [...posted.keys()];
  const attribute = (fresh: readonly OrderInput[], settingsRevision: string) =>
    attributeOrders(
      deps,
      programId,
      fresh.flatMap((input) => posted.get(input) ?? []),
      settingsRevision,
    );
  const recorded = await recordOrders({ ...deps, policies: deps.catalog.policies }, context, {
    inputs,
    attribute,
  });
  const outcomeOf = new Map(inputs.map((input, index) => [input, recorded[index]]));
  return resolved.map((input): PostedOfSetOutcome => {
    if ('faults' in input) return { outcome: 'invalid', faults: input.faults };
    const outcome = outcomeOf.get(input);
    if (outcome === undefined) throw new Error('an order of a set has no outcome');
    return outcome.outcome === 'unattributed' ? { outcome: 'invalid', faults: outcome.fault } : outcome;
  });
}

async function orderInput(
  catalog: OrderCatalogue,
  programId: string,
  order: PostedOrder,
): Promise<OrderInput> {
  const { orderId, currency, isNewCustomer, confirmed, metadata, customerRefHash = null } = order;
  return {
    orderId,
    currency,
    placedAt: new Date(order.placedAt),
    customerRefHash,
    isNewCustomer,
    confirmed,
    lines: await resolveLines(catalog, programId, order),
    metadata: { ...metadata },
  };
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
