import {
  findCode,
  findProductById,
  findProductBySku,
  readPolicies,
  type OrderCatalogue,
  type PolicySet,
} from '@tributary/commissions';
import type { EventEnvelope } from '@tributary/event-catalog';
import { cacheMetrics, type Metrics } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { createCache, getSeen, type Cache } from './cache.ts';

/** Events after which something in here may be outdated. */
export const CATALOG_EVENTS = [
  'partner.created',
  'partner.updated',
  'product.created',
  'product.updated',
  'policy.created',
  'policy.updated',
] as const;

export type CatalogEvent = EventEnvelope<(typeof CATALOG_EVENTS)[number]>;

/** What clicks and conversions ask of the catalogue, from memory where possible. */
export interface Catalog extends OrderCatalogue {
  onEvent(event: CatalogEvent): void;
  /** Events may have been missed. */
  clear(): void;
}

const MINUTE_MS = 60_000;
const MAX_CODES = 50_000;
const MAX_PRODUCTS = 50_000;
const MAX_PROGRAMS = 100;

/** Times of validity bound the damage of an event that never came; changes are obeyed by events, within a second. */
export function createCatalog(deps: {
  readonly db: Database;
  readonly metrics: Metrics;
  readonly isWatched: () => boolean;
}): Catalog {
  const { db, metrics, isWatched } = deps;

  function cacheOf<Row>(
    name: string,
    options: { load: (programId: string, key: string) => Promise<Row>; ttlMs: number; maxEntries: number },
  ) {
    const { load, ...bounds } = options;
    const loadKey = (key: string): Promise<Row> => load(...splitKey(key));
    return createCache<Row>({ ...bounds, isWatched, load: loadKey, metrics: cacheMetrics(metrics, name) });
  }
  const codes = cacheOf('referral_codes', {
    load: (programId, code) => findCode(db, programId, code),
    ttlMs: 5 * MINUTE_MS,
    maxEntries: MAX_CODES,
  });
  const ofProducts = { ttlMs: 10 * MINUTE_MS, maxEntries: MAX_PRODUCTS };
  const byId = cacheOf('products', {
    ...ofProducts,
    load: (programId, id) => findProductById(db, programId, id),
  });
  const bySku = cacheOf('products', {
    ...ofProducts,
    load: (programId, sku) => findProductBySku(db, programId, sku),
  });
  const policies: Cache<PolicySet> = createCache({
    load: (programId) => readPolicies(db, programId),
    isWatched,
    ttlMs: 5 * MINUTE_MS,
    maxEntries: MAX_PROGRAMS,
    metrics: cacheMetrics(metrics, 'policies'),
  });
  const clearProducts = (): void => {
    byId.clear();
    bySku.clear();
  };
  return {
    findCode: (programId, code) => codes.get(joinKey(programId, code.toLowerCase())),
    findProductById: (programId, id) => byId.get(joinKey(programId, id.toLowerCase())),
    findProductBySku: (programId, sku) => bySku.get(joinKey(programId, sku)),
    policies: {
      current: (programId, seen) => getSeen(policies, programId, seen),
      forget: () => policies.clear(),
    },
    onEvent({ type }) {
      if (type.startsWith('partner.')) codes.clear();
      else if (type.startsWith('product.')) clearProducts();
      else policies.clear();
    },
    clear() {
      codes.clear();
      clearProducts();
      policies.clear();
    },
  };
}

/** Programme ids hold no blank. */
const joinKey = (programId: string, key: string): string => `${programId} ${key}`;

function splitKey(key: string): [string, string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}
