import { readPolicies, type PolicyRecord, type PolicySource } from '@tributary/commissions';
import type { EventEnvelope } from '@tributary/event-catalog';
import { cacheMetrics, type Metrics } from '@tributary/runtime';
import type { CatalogStatus, Database, PartnerStatus } from '@tributary/schema';
import { createCache, type Cache } from './cache.ts';

/** A referral code as it was registered, with whose it is. */
export interface KnownCode {
  readonly code: string;
  readonly status: CatalogStatus;
  readonly partnerId: string;
  readonly partnerStatus: PartnerStatus;
}

export interface KnownProduct {
  readonly id: string;
  readonly sku: string;
}

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
export interface Catalog {
  findCode(programId: string, code: string): Promise<KnownCode | undefined>;
  findProductById(programId: string, id: string): Promise<KnownProduct | undefined>;
  findProductBySku(programId: string, sku: string): Promise<KnownProduct | undefined>;
  readonly policies: PolicySource;
  onEvent(event: CatalogEvent): void;
  /** Events may have been missed. */
  clear(): void;
}

const MINUTE_MS = 60_000;
const MAX_CODES = 50_000;
const MAX_PRODUCTS = 50_000;
const MAX_PROGRAMS = 100;

const CODE = `
  SELECT r.code, r.status, r.partner_id, p.status AS partner_status
  FROM referral_codes r JOIN partners p ON p.program_id = r.program_id AND p.id = r.partner_id
  WHERE r.program_id = $1 AND lower(r.code) = lower($2)`;
const PRODUCT_BY_ID = 'SELECT id, sku FROM products WHERE program_id = $1 AND id = $2';
const PRODUCT_BY_SKU = 'SELECT id, sku FROM products WHERE program_id = $1 AND sku = $2';

/** Times of validity bound the damage of an event that never came; changes are obeyed by events, within a second. */
export function createCatalog(deps: { readonly db: Database; readonly metrics: Metrics }): Catalog {
  const { db, metrics } = deps;

  function cacheOfRows<Row extends object>(name: string, sql: string, ttlMs: number, maxEntries: number) {
    return createCache<Row | undefined>({
      load: async (key) => (await db.query<Row>(sql, splitKey(key)))[0],
      ttlMs,
      maxEntries,
      metrics: cacheMetrics(metrics, name),
    });
  }
  const codes = cacheOfRows<KnownCode>('referral_codes', CODE, 5 * MINUTE_MS, MAX_CODES);
  const byId = cacheOfRows<KnownProduct>('products', PRODUCT_BY_ID, 10 * MINUTE_MS, MAX_PRODUCTS);
  const bySku = cacheOfRows<KnownProduct>('products', PRODUCT_BY_SKU, 10 * MINUTE_MS, MAX_PRODUCTS);
  const policies: Cache<PolicyRecord[]> = createCache({
    load: (programId) => readPolicies(db, programId),
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
    policies: { current: (programId) => policies.get(programId), forget: () => policies.clear() },
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
