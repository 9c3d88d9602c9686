import {
  findCodes,
  findProductsById,
  findProductsBySku,
  readPolicies,
  type OrderCatalogue,
  type PolicySet,
  type PostedOrder,
} from '@tributary/commissions';
import type { Database } from '@tributary/schema';

/**
 * The catalogue as it is now, as far as these orders ask for it: three statements for all their codes and products, and one for
 * the policies. Kept for one chunk, so that a change is obeyed within a second or so without listening for it; policies, for which
 * statements look, at once.
 */
export async function catalogueOfChunk(
  db: Database,
  programId: string,
  orders: readonly PostedOrder[],
): Promise<OrderCatalogue> {
  const lines = orders.flatMap((order) => order.lines);
  const [codes, byId, bySku] = await Promise.all([
    findCodes(db, programId, distinct(orders.map(({ referralCode }) => referralCode))),
    findProductsById(db, programId, distinct(lines.map(({ productId }) => productId))),
    findProductsBySku(db, programId, distinct(lines.map(({ sku }) => sku))),
  ]);
  let policies: Promise<PolicySet> | undefined;
  return {
    findCode: async (_programId, code) => codes.get(code),
    findProductById: async (_programId, id) => byId.get(id),
    findProductBySku: async (_programId, sku) => bySku.get(sku),
    policies: {
      async current(_programId, seen) {
        const known = (policies ??= readPolicies(db, programId));
        if (seen === undefined || (await known).revision === seen) return known;
        return (policies = readPolicies(db, programId));
      },
      forget: () => (policies = undefined),
    },
  };
}

const distinct = (values: readonly (string | undefined)[]): string[] => [
  ...new Set(values.flatMap((value) => value ?? [])),
];
