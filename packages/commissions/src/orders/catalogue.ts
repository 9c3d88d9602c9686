import type { CatalogStatus, Database, PartnerStatus } from '@tributary/schema';

import type { PolicySource } from '../conversions/price.ts';

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

/** What orders ask of the catalogue; whoever asks often keeps the answers. */
export interface OrderCatalogue {
  findCode(programId: string, code: string): Promise<KnownCode | undefined>;
  findProductById(programId: string, id: string): Promise<KnownProduct | undefined>;
  findProductBySku(programId: string, sku: string): Promise<KnownProduct | undefined>;
  readonly policies: PolicySource;
}

type Queries = Pick<Database, 'query'>;

const CODE = `
  r.code, r.status, r.partner_id, p.status AS partner_status
  FROM referral_codes r JOIN partners p ON p.program_id = r.program_id AND p.id = r.partner_id
  WHERE r.program_id = $1`;
const ONE_CODE = `SELECT ${CODE} AND lower(r.code) = lower($2)`;
const CODES = `
  SELECT a.asked, f.* FROM unnest($2::text[]) AS a(asked) CROSS JOIN LATERAL (SELECT ${CODE} AND lower(r.code) = lower(a.asked)) f`;
const PRODUCT_BY_ID = 'SELECT id, sku FROM products WHERE program_id = $1 AND id = $2';
const PRODUCTS_BY_ID = `
  SELECT a.asked, p.id, p.sku FROM unnest($2::text[]) AS a(asked) JOIN products p ON p.program_id = $1 AND p.id = a.asked::uuid`;
const PRODUCT_BY_SKU = 'SELECT id, sku FROM products WHERE program_id = $1 AND sku = $2';
const PRODUCTS_BY_SKU = `
  SELECT a.asked, p.id, p.sku FROM unnest($2::text[]) AS a(asked) JOIN products p ON p.program_id = $1 AND p.sku = a.asked`;

export async function findCode(db: Queries, programId: string, code: string): Promise<KnownCode | undefined> {
  return (await db.query<KnownCode>(ONE_CODE, [programId, code]))[0];
}

export async function findProductById(
  db: Queries,
  programId: string,
  id: string,
): Promise<KnownProduct | undefined> {
  return (await db.query<KnownProduct>(PRODUCT_BY_ID, [programId, id]))[0];
}

export async function findProductBySku(
  db: Queries,
  programId: string,
  sku: string,
): Promise<KnownProduct | undefined> {
  return (await db.query<KnownProduct>(PRODUCT_BY_SKU, [programId, sku]))[0];
}

/** Finds many at once; answers those that exist, each by how it was asked for. */
type FindSeveral<Found> = (
  db: Queries,
  programId: string,
  asked: readonly string[],
) => Promise<Map<string, Found>>;

const findSeveral =
  <Found>(text: string): FindSeveral<Found> =>
  async (db, programId, asked) => {
    if (asked.length === 0) return new Map();
    const rows = await db.query<Found & { asked: string }>(text, [programId, [...asked]]);
    return new Map(rows.map((row) => [row.asked, row]));
  };

export const findCodes = findSeveral<KnownCode>(CODES);
export const findProductsById = findSeveral<KnownProduct>(PRODUCTS_BY_ID);
export const findProductsBySku = findSeveral<KnownProduct>(PRODUCTS_BY_SKU);
