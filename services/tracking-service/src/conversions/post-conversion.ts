import {
  money,
  recordConversion,
  type CommandContext,
  type CommandDeps,
  type OrderLineInput,
  type RecordConversionOutcome,
} from '@tributary/commissions';
import { validationError, type FieldError } from '@tributary/http-kit';
import type { Catalog, KnownProduct } from '../catalog/catalog.ts';
import { attributeOrder, type AttributionDeps } from './attribute-order.ts';
import { linesOf, type PostedConversion, type PostedLine } from './posted-conversion.ts';

export type PostConversionDeps = CommandDeps & AttributionDeps & { readonly catalog: Catalog };

/**
 * Records a conversion that a shop posted. What it names (click, code, session, customer) is looked at only when the order is
 * new: a repetition answers the first, whatever it names.
 * @throws 400 that names every field at fault
 */
export async function postConversion(
  deps: PostConversionDeps,
  context: CommandContext,
  posted: PostedConversion,
): Promise<RecordConversionOutcome> {
  const { programId, now } = context;
  const { orderId, currency, customerRef, isNewCustomer, confirmed = false, metadata = {} } = posted;
  const lines = await resolveLines(deps.catalog, programId, linesOf(posted, now), currency);
  const placedAt = posted.convertedAt === undefined ? now : new Date(posted.convertedAt);
  return recordConversion({ ...deps, policies: deps.catalog.policies }, context, {
    orderId,
    currency,
    placedAt,
    customerRefHash: customerRef === undefined ? null : deps.hashes.customer(customerRef),
    isNewCustomer,
    confirmed,
    lines,
    metadata,
    attribute: () => attributeOrder(deps, { ...posted, programId, placedAt }),
  });
}

async function resolveLines(
  catalog: Catalog,
  programId: string,
  lines: readonly PostedLine[],
  currency: string,
): Promise<OrderLineInput[]> {
  const products = await Promise.all(lines.map((line) => findProduct(catalog, programId, line)));
  const faults: FieldError[] = [];
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
  if (faults.length > 0) throw validationError(faults);
  return resolved;
}

async function findProduct(
  catalog: Catalog,
  programId: string,
  { productId, sku }: PostedLine,
): Promise<KnownProduct | undefined> {
  if (productId !== undefined) return catalog.findProductById(programId, productId);
  return sku === undefined ? undefined : catalog.findProductBySku(programId, sku);
}

function orderLine(line: PostedLine, product: KnownProduct, currency: string): OrderLineInput {
  const { quantity, amount, commissionableAmount } = line;
  return {
    productId: product.id,
    quantity,
    amount: money(amount, currency),
    commissionableAmount: money(commissionableAmount, currency),
  };
}
