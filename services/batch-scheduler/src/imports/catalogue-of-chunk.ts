import {
  findCode,
  findProductById,
  findProductBySku,
  readPolicies,
  type OrderCatalogue,
  type PolicyRecord,
} from '@tributary/commissions';
import type { Database } from '@tributary/schema';

/**
 * The catalogue as it is at the first look: each answer is kept, for as long as one chunk takes. Changes are then obeyed within
 * a second or so, without listening for them.
 */
export function catalogueOfChunk(db: Database): OrderCatalogue {
  let policies: Promise<PolicyRecord[]> | undefined;
  return {
    findCode: remembered((programId, code) => findCode(db, programId, code)),
    findProductById: remembered((programId, id) => findProductById(db, programId, id)),
    findProductBySku: remembered((programId, sku) => findProductBySku(db, programId, sku)),
    policies: {
      current: (programId) => (policies ??= readPolicies(db, programId)),
      forget: () => (policies = undefined),
    },
  };
}

type LookUp<Found> = (programId: string, key: string) => Promise<Found>;

function remembered<Found>(lookUp: LookUp<Found>): LookUp<Found> {
  const known = new Map<string, Promise<Found>>();
  return (programId, key) => {
    const found = known.get(key) ?? lookUp(programId, key);
    known.set(key, found);
    return found;
  };
}
